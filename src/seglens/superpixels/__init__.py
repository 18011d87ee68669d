"""Superpixels: SLIC, kept on disk, and how good an answer by them can be."""

from seglens.superpixels.quality import quality
from seglens.superpixels.slic import Superpixels

__all__ = ["Superpixels", "quality"]
