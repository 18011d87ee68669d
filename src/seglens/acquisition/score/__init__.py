"""How much would this pixel teach?"""

from seglens.acquisition.score.bald import Bald
from seglens.acquisition.score.bvsb import Bvsb
from seglens.acquisition.score.committee import CommitteeScore
from seglens.acquisition.score.difficulty import DifficultyScore
from seglens.acquisition.score.entropy import Entropy
from seglens.acquisition.score.explainable_error import ExplainableError
from seglens.acquisition.score.flip_disagreement import FlipDisagreement
from seglens.acquisition.score.impurity import Impurity
from seglens.acquisition.score.least_confidence import LeastConfidence
from seglens.acquisition.score.margin import Margin
from seglens.acquisition.score.mc_entropy import McEntropy
from seglens.acquisition.score.odin import Odin
from seglens.acquisition.score.one_vs_rest import OneVsRest
from seglens.acquisition.score.pixbal import PixBal
from seglens.acquisition.score.random import RandomScore
from seglens.acquisition.score.true_error import TrueError
from seglens.acquisition.score.vote_entropy import VoteEntropy

__all__ = [
    "Bald",
    "Bvsb",
    "CommitteeScore",
    "DifficultyScore",
    "Entropy",
    "ExplainableError",
    "FlipDisagreement",
    "Impurity",
    "LeastConfidence",
    "Margin",
    "McEntropy",
    "Odin",
    "OneVsRest",
    "PixBal",
    "RandomScore",
    "TrueError",
    "VoteEntropy",
]
