"""Cut: the whole image is one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from seglens.config import NoParams
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.types import Chance, ImageId, PixelScore, RegionSet


@cuts.register("image")
class Image:
    """One region an image: all of it."""

    Params = NoParams
    partition: ClassVar[bool] = True

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing to compute ahead."""

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """One region for each image of ``ev``."""
        return [RegionSet(id, "image", np.zeros(size, np.int32), 1) for id, size in zip(ev.ids, ev.sizes, strict=True)]
