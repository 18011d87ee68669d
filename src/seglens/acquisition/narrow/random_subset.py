"""Narrow: a few images by chance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seglens.acquisition.narrow.subset import SubsetParams
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class RandomSubsetParams(SubsetParams):
    """How many images go on."""


@narrows.register("random-subset")
class RandomSubset:
    """Keeps images drawn by chance, in the pool's order."""

    Params = RandomSubsetParams
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: RandomSubsetParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 0): nothing is kept of an image."""
        return np.zeros((len(ev.ids), 0))

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The images with the least draws; a draw depends on the image's id alone."""
        draws = {id: chance.child(id).seed() for id in pool.ids}
        kept = set(sorted(pool.ids, key=lambda id: (draws[id], id))[: self.params.count(len(pool.ids))])
        return [id for id in pool.ids if id in kept]
