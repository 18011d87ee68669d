"""What is one question?"""

from seglens.acquisition.cut.adaptive_superpixel import AdaptiveSuperpixel
from seglens.acquisition.cut.gaussian_window import GaussianWindow
from seglens.acquisition.cut.grid import Grid
from seglens.acquisition.cut.image import Image
from seglens.acquisition.cut.merged_superpixel import MergedSuperpixel
from seglens.acquisition.cut.object import Object
from seglens.acquisition.cut.pixel import Pixel
from seglens.acquisition.cut.superpixel import Superpixel

__all__ = ["AdaptiveSuperpixel", "GaussianWindow", "Grid", "Image", "MergedSuperpixel", "Object", "Pixel", "Superpixel"]
