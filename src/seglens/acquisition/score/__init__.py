"""How much would this pixel teach?"""

from seglens.acquisition.score.bvsb import Bvsb
from seglens.acquisition.score.difficulty import DifficultyScore
from seglens.acquisition.score.entropy import Entropy
from seglens.acquisition.score.explainable_error import ExplainableError
from seglens.acquisition.score.least_confidence import LeastConfidence
from seglens.acquisition.score.margin import Margin
from seglens.acquisition.score.mc_entropy import McEntropy
from seglens.acquisition.score.pixbal import PixBal
from seglens.acquisition.score.random import RandomScore
from seglens.acquisition.score.vote_entropy import VoteEntropy

__all__ = [
    "Bvsb",
    "DifficultyScore",
    "Entropy",
    "ExplainableError",
    "LeastConfidence",
    "Margin",
    "McEntropy",
    "PixBal",
    "RandomScore",
    "VoteEntropy",
]
