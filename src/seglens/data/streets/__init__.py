"""A seeded generator of driving scenes with Cityscapes' classes and exact depth."""

from __future__ import annotations

from seglens.data.streets.dataset import Streets, StreetsLabels, StreetsParams

__all__ = ["Streets", "StreetsLabels", "StreetsParams"]
