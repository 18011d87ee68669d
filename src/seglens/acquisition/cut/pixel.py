"""Cut: single pixels, as cells of 4 x 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.cells import CELL
from seglens.protocols import Evidence, PartContext, Progress
from seglens.registry import cuts
from seglens.types import BoolArray, Chance, FloatArray, ImageId, IntArray, PixelScore, RegionSet, SeglensError, Size


class PixelParams(Params):
    """Which cells of an image become candidates."""

    candidates: int = Field(32, gt=0, description="most candidate cells an image and round")
    share: float = Field(
        0.05, gt=0, le=1, description="they are drawn from this share of the image's cells, best first"
    )


@cuts.register("pixel")
class Pixel:
    """Cells of 4 x 4 native pixels; a few an image are drawn by chance from its best, and only these get rows.

    All cells of a pool would be millions of rows. A score that needs pool statistics is drawn from by its raw map here
    and finished with them on the candidates' rows (docs/decisions/003-pixel-cut.md). ``share: 1`` draws from all cells
    without looking at the score, so that ``pick: {name: top, share: 0.05}`` draws from the top of the whole pool.

    Reference: PixelPick (Shin et al., ICCVW 2021): uniform from each image's top 5 %.
    """

    Params = PixelParams
    partition: ClassVar[bool] = False

    def __init__(self, params: PixelParams, context: PartContext) -> None:
        self.params = params
        self.key = f"pixel-{CELL}"

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing to compute ahead."""

    def regions(self, px: PixelScore | None, ev: Evidence, chance: Chance) -> list[RegionSet]:
        """The candidate cells of each image, numbered row by row; cells asked about already are left out.

        Raises:
            SeglensError: no score map, though ``share`` is below 1.
        """
        if px is None and self.params.share < 1:
            raise SeglensError("cut 'pixel': a share below 1 needs the score map, found none")
        result = []
        for index, (id, size) in enumerate(zip(ev.ids, ev.sizes, strict=True)):
            score = px.value[index].cpu().numpy() if px is not None and self.params.share < 1 else None
            cells = self._candidates(score, ev.answered[index].cpu().numpy(), size, chance.child(id))
            result.append(RegionSet(id, self.key, _paint(cells, size), len(cells)))
        return result

    def _candidates(self, score: FloatArray | None, answered: BoolArray, size: Size, chance: Chance) -> IntArray:
        """Sorted numbers of the candidate cells among the image's."""
        rng = chance.numpy()
        # A random order first: equal scores are then drawn from by chance.
        order = rng.permutation(_columns(size) * -(-size[0] // CELL))
        if score is not None:
            at = score.ravel()[_centres(score.shape, size)]
            top = np.argsort(-at[order], kind="stable")[: max(int(np.ceil(len(at) * self.params.share)), 1)]
            order = rng.permutation(order[top])
        free = order[~answered.ravel()[_centres(answered.shape, size)[order]]]
        return np.sort(free[: self.params.candidates])


def _columns(size: Size) -> int:
    return -(-size[1] // CELL)


def _centres(shape: tuple[int, ...], size: Size) -> IntArray:
    """(cells,) row-major number of the map's pixel under the middle of each cell."""
    axes = []
    for length, native in zip(shape, size, strict=True):
        middle = np.minimum(np.arange(-(-native // CELL)) * CELL + CELL // 2, native - 1)
        axes.append(middle * length // native)
    centres: IntArray = (axes[0][:, None] * shape[1] + axes[1]).ravel()
    return centres


def _paint(cells: IntArray, size: Size) -> IntArray:
    """(H, W) int32: the place of each pixel's cell in ``cells``, -1 for the others."""
    numbers = np.full(_columns(size) * -(-size[0] // CELL), -1, np.int32)
    numbers[cells] = np.arange(len(cells), dtype=np.int32)
    small = numbers.reshape(-1, _columns(size))
    return small.repeat(CELL, axis=0).repeat(CELL, axis=1)[: size[0], : size[1]]
