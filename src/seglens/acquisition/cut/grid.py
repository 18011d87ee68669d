"""Cut: rectangles on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from seglens.config import Params
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.types import Chance, ImageId, IntArray, PixelScore, RegionSet, Size


class GridParams(Params):
    """How fine the grid is: by number of cells, or by their size."""

    rows: int = Field(12, gt=0, description="cells from top to bottom")
    columns: int = Field(16, gt=0, description="cells from left to right")
    size: tuple[int, int] | None = Field(
        None, description="cell (height, width) in native pixels, instead of rows and columns; null = by number"
    )

    @model_validator(mode="after")
    def _positive(self) -> GridParams:
        if self.size is not None and min(self.size) < 1:
            raise ValueError("size must be at least 1 x 1")
        return self


@cuts.register("grid")
class Grid:
    """Rectangles that cover the image; cells of a numbered grid differ by one pixel at most, sized ones are cut off."""

    Params = GridParams
    partition: ClassVar[bool] = True

    def __init__(self, params: GridParams, context: PartContext) -> None:
        self.params = params
        height_width = params.size or (params.rows, params.columns)
        self.key = f"grid-{'size-' if params.size else ''}{height_width[0]}x{height_width[1]}"

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing to compute ahead."""

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The cells of each image, row by row. Images of one size share one read-only array."""
        result = []
        for id, size in zip(ev.ids, ev.sizes, strict=True):
            labels = _cells(size, (self.params.rows, self.params.columns), self.params.size)
            result.append(RegionSet(id, self.key, labels, int(labels[-1, -1]) + 1))
        return result


@lru_cache(maxsize=16)
def _cells(size: Size, number: Size, cell: Size | None) -> IntArray:
    """(H, W) int32 number of each pixel's cell."""
    axes = []
    for axis in (0, 1):
        place = np.arange(size[axis])
        count = min(number[axis], size[axis])
        axes.append(place // cell[axis] if cell else place * count // size[axis])
    labels: IntArray = (axes[0][:, None] * (axes[1][-1] + 1) + axes[1]).astype(np.int32)
    labels.setflags(write=False)
    return labels
