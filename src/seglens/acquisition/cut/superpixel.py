"""Cut: superpixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.superpixels import Superpixels
from seglens.types import Chance, ImageId, PixelScore, RegionSet


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
