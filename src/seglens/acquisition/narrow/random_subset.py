"""Narrow: a few images by chance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.narrow.subset import RankedParams, highest
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class RandomSubsetParams(RankedParams):
    """How many images go on."""

    again: bool = Field(True, description="whether images asked about in part are drawn like those never asked about")


@narrows.register("random-subset")
class RandomSubset:
    """Keeps images drawn by chance, in the pool's order."""

    Params = RandomSubsetParams
    needs: ClassVar[frozenset[str]] = frozenset()
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: RandomSubsetParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 0): nothing is kept of an image."""
        return np.zeros((len(ev.ids), 0))

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The images with the least draws; a draw depends on the image's id alone."""
        draws = np.array([chance.child(id).seed() for id in pool.ids], np.float64)
        return highest(pool, -draws, labelled, self.params)
