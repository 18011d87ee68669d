"""Cut: superpixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.native import to_native
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.superpixels import Superpixels
from seglens.types import BoolArray, Chance, ImageId, IntArray, PixelScore, RegionSet

ASKED = 0.5
"""A superpixel with more of its pixels asked about than this share is asked about: the rest of it is a rim."""


class SuperpixelParams(Params):
    """Which superpixels."""

    segments: int = Field(256, gt=0, description="superpixels an image, mean over the pool (met within 10 %)")
    compactness: float = Field(10.0, gt=0, description="SLIC: high = square, low = follows colour")


@cuts.register("superpixel")
class Superpixel:
    """SLIC superpixels in native pixels, computed once and kept on disk."""

    Params = SuperpixelParams
    partition: ClassVar[bool] = True

    def __init__(self, params: SuperpixelParams, context: PartContext) -> None:
        self.params = params
        folder = context.cache / "superpixels"
        self.superpixels = Superpixels(context.data, folder, params.segments, params.compactness)

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store the superpixels that are missing."""
        self.superpixels.prepare(ids, progress)

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The superpixels of each image of ``ev``."""
        sets = []
        for id in ev.ids:
            labels = self.superpixels.labels(id)
            sets.append(RegionSet(id, self.superpixels.key, labels, int(labels.max()) + 1))
        return sets


def asked_superpixels(labels: IntArray, answered: BoolArray) -> BoolArray:
    """Which superpixels were asked about: more than ``ASKED`` of their pixels were.

    Args:
        labels: (H, W) superpixel of each pixel, numbered from 0 without gaps.
        answered: (h, w) what was asked about, at the model's size.

    Returns:
        (S,) bool.
    """
    sizes = np.bincount(labels.ravel())
    if not answered.any():
        return np.zeros(len(sizes), bool)
    done = np.bincount(labels[to_native(answered, labels.shape)], minlength=len(sizes))
    return np.asarray(done > ASKED * sizes)
