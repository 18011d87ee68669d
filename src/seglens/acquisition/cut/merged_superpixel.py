"""Cut: superpixels, merged where the model sees the same in neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.cut.superpixel import SuperpixelParams, asked_superpixels
from seglens.acquisition.rows import reduce_rows
from seglens.functional.merging import merge_alike, neighbours
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.superpixels import Superpixels
from seglens.types import BoolArray, Chance, ImageId, IntArray, PixelScore, RegionSet, Size


class MergedSuperpixelParams(SuperpixelParams):
    """How small the superpixels are, and when neighbours are alike."""

    segments: int = Field(1000, gt=0, description="superpixels an image before merging, mean over the pool")
    epsilon: float = Field(
        0.1, ge=0, lt=1, description="neighbours are merged below this Jensen-Shannon distance of their mean softmax"
    )


@cuts.register("merged-superpixel")
class MergedSuperpixel:
    """Small superpixels, merged with their neighbours where the model sees the same: large in the road, small at poles.

    The superpixel with the highest mean score comes first: breadth first it takes in what touches it and has a mean
    softmax closer than ``epsilon`` to its own; then the next that is left. What was asked about is left out: of a
    superpixel more than half. While no class is predicted (round 0, scores that tell none) nothing is merged.

    Reference: ASAL (Kim et al., ICCV 2023). Deviation: SLIC in the place of SEEDS.
    """

    Params = MergedSuperpixelParams
    partition: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def __init__(self, params: MergedSuperpixelParams, context: PartContext) -> None:
        self.params = params
        self.superpixels = Superpixels(context.data, context.cache / "superpixels", params.segments, params.compactness)
        self.key = f"merged-{params.epsilon:g}-{self.superpixels.key}"

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Compute and store the superpixels that are missing."""
        self.superpixels.prepare(ids, progress)

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The candidates of each image of ``ev``."""
        found = []
        for index, id in enumerate(ev.ids):
            labels = self.superpixels.labels(id)
            free = ~asked_superpixels(labels, ev.answered[index].cpu().numpy())
            if px is None or px.group is None:
                group: IntArray = np.where(free, np.cumsum(free) - 1, -1).astype(np.int32)
            else:
                softmax = ev.logits[index : index + 1].softmax(1)
                one = PixelScore(px.value[index : index + 1], dense=softmax)
                group = self._merged(one, RegionSet(id, "", labels, len(free)), free)
            found.append(RegionSet(id, self.key, group[labels], int(group.max()) + 1))
        return found

    def _merged(self, px: PixelScore, superpixels: RegionSet, free: BoolArray) -> IntArray:
        """(S,) the group of each superpixel; the score's ``dense`` maps are the softmax."""
        size: Size = (px.value.shape[1], px.value.shape[2])
        arrays = reduce_rows(px, [superpixels], [None], size).arrays
        adjacent = neighbours(superpixels.labels, superpixels.count)
        return merge_alike(adjacent, arrays["dense"], arrays["value"], free, self.params.epsilon)
