"""Which questions, within the budget?"""

from seglens.acquisition.pick.spread_images import SpreadImages
from seglens.acquisition.pick.stratified import Stratified
from seglens.acquisition.pick.top import Top

__all__ = ["SpreadImages", "Stratified", "Top"]
