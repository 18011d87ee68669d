"""One recipe, its losses and what it trains on, and evaluation."""

from seglens.training.evaluate import Metrics, evaluate, predict
from seglens.training.recipe import train
from seglens.training.source import TrainSource

__all__ = ["Metrics", "TrainSource", "evaluate", "predict", "train"]
