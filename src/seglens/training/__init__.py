"""One recipe, its losses, its companions and what it trains on, and evaluation."""

from seglens.training import companions as _companions
from seglens.training.evaluate import Metrics, evaluate, predict
from seglens.training.recipe import train
from seglens.training.source import Course, TrainSource

__all__ = ["Course", "Metrics", "TrainSource", "evaluate", "predict", "train"]

_REGISTERED = (_companions,)
