"""Which images are worth a look?"""

from seglens.acquisition.narrow.core_set import CoreSet
from seglens.acquisition.narrow.difficulty import Difficulty
from seglens.acquisition.narrow.loss_prediction import LossPrediction
from seglens.acquisition.narrow.near_duplicate import NearDuplicate
from seglens.acquisition.narrow.random_subset import RandomSubset
from seglens.acquisition.narrow.sequence_quota import SequenceQuota
from seglens.acquisition.narrow.ta_vaal import TaVaal
from seglens.acquisition.narrow.top_by_score import TopByScore
from seglens.acquisition.narrow.vaal import Vaal

__all__ = [
    "CoreSet",
    "Difficulty",
    "LossPrediction",
    "NearDuplicate",
    "RandomSubset",
    "SequenceQuota",
    "TaVaal",
    "TopByScore",
    "Vaal",
]
