"""How much would this pixel teach?"""

from seglens.acquisition.score.bvsb import Bvsb
from seglens.acquisition.score.entropy import Entropy
from seglens.acquisition.score.explainable_error import ExplainableError
from seglens.acquisition.score.margin import Margin
from seglens.acquisition.score.pixbal import PixBal
from seglens.acquisition.score.random import RandomScore

__all__ = ["Bvsb", "Entropy", "ExplainableError", "Margin", "PixBal", "RandomScore"]
