"""Which questions, within the budget?"""

from seglens.acquisition.pick.badge import Badge
from seglens.acquisition.pick.cost_aware import CostAware
from seglens.acquisition.pick.coverage import Coverage
from seglens.acquisition.pick.k_center import KCenter
from seglens.acquisition.pick.spread import Spread
from seglens.acquisition.pick.spread_images import SpreadImages
from seglens.acquisition.pick.stratified import Stratified
from seglens.acquisition.pick.top import Top
from seglens.acquisition.pick.typical import Typical

__all__ = ["Badge", "CostAware", "Coverage", "KCenter", "Spread", "SpreadImages", "Stratified", "Top", "Typical"]
