"""Cut: superpixels of two scales, the finer ones where the prediction is mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from seglens.acquisition.cut.superpixel import SuperpixelParams, asked_superpixels
from seglens.acquisition.rows import reduce_rows
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.superpixels import Superpixels
from seglens.superpixels.nested import parents
from seglens.types import BoolArray, Chance, ImageId, IntArray, PixelScore, RegionSet


class AdaptiveSuperpixelParams(SuperpixelParams):
    """The two scales, and when the finer one is taken."""

    fine: int = Field(1000, gt=0, description="fine superpixels an image, mean over the pool; more than segments")
    pure: float = Field(
        0.9, ge=0, le=1, description="a superpixel is asked whole if this share of its pixels is predicted alike"
    )
    start: Literal["coarse", "fine"] = Field(
        "coarse", description="the scale while no class is predicted: in round 0, and for scores that tell none"
    )


@cuts.register("adaptive-superpixel")
class AdaptiveSuperpixel:
    """Superpixels where the model sees one class in them, their finer parts where it sees several.

    One class a region is a cheap answer where a region has one class, and a wrong one for what is thin: a pole in a
    superpixel of house and sky. SLIC is computed at two scales; each fine superpixel belongs to the coarse one that it
    shares most pixels with, so that the coarse regions are made of whole fine ones and there are no slivers. A coarse
    region is offered whole if at least ``pure`` of its pixels have the same predicted class, else as its fine parts.

    What was asked about is left out: a fine part of which more than half was asked is no candidate, and what is left
    of its coarse region is offered as fine parts, whatever the prediction.
    """

    Params = AdaptiveSuperpixelParams
    partition: ClassVar[bool] = False

    def __init__(self, params: AdaptiveSuperpixelParams, context: PartContext) -> None:
        self.params = params
        folder = context.cache / "superpixels"
        self.coarse, self.fine = (
            Superpixels(context.data, folder, segments, params.compactness)
            for segments in (params.segments, params.fine)
        )
        self.key = f"{self.coarse.key}-{self.fine.key}"

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store the superpixels of both scales that are missing."""
        self.coarse.prepare(ids, progress)
        self.fine.prepare(ids, progress)

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The candidates of each image of ``ev``."""
        found = []
        for index, id in enumerate(ev.ids):
            fine = self.fine.labels(id)
            owner = np.unique(parents(fine, self.coarse.labels(id)), return_inverse=True)[1]
            done = asked_superpixels(fine, ev.answered[index].cpu().numpy())
            split = np.bincount(owner, done) > 0
            if px is not None and px.group is not None:
                one = PixelScore(px.value[index : index + 1], px.group[index : index + 1], classes=px.classes)
                split |= self._mixed(one, RegionSet(id, "", owner[fine].astype(np.int32), len(split)))
            elif self.params.start == "fine":
                split[:] = True
            numbers, count = _numbered(owner, split, done)
            found.append(RegionSet(id, self.key, numbers[fine], count))
        return found

    def _mixed(self, px: PixelScore, coarse: RegionSet) -> BoolArray:
        """(count,) whether too little of each coarse region is predicted alike."""
        share = reduce_rows(px, [coarse], [None], (px.value.shape[1], px.value.shape[2])).arrays["share"]
        mixed: BoolArray = share.max(1) < self.params.pure
        return mixed


def _numbered(owner: IntArray, split: BoolArray, done: BoolArray) -> tuple[IntArray, int]:
    """(F,) int32 the region of each fine superpixel, -1 for one that was asked about; the number of regions."""
    own = len(split) + np.arange(len(owner))
    place = np.where(split[owner], own, owner)
    numbers = np.full(len(owner), -1, np.int32)
    kept, numbers[~done] = np.unique(place[~done], return_inverse=True)
    return numbers, len(kept)
