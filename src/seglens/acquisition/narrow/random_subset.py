"""Narrow: a few images by chance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from seglens.config import Params
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class RandomSubsetParams(Params):
    """How many images go on."""

    images: int | None = Field(None, gt=0, description="images to keep, or give fraction")
    fraction: float | None = Field(None, gt=0, le=1, description="share of the images to keep, or give images")

    @model_validator(mode="after")
    def _one_of_two(self) -> RandomSubsetParams:
        if (self.images is None) == (self.fraction is None):
            raise ValueError("give either images or fraction")
        return self


@narrows.register("random-subset")
class RandomSubset:
    """Keeps images drawn by chance, in the pool's order; all of them where there are too few."""

    Params = RandomSubsetParams
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: RandomSubsetParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 0): nothing is kept of an image."""
        return np.zeros((len(ev.ids), 0))

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The images with the least draws; a draw depends on the image's id alone."""
        count = self.params.images
        if count is None:
            count = int(np.ceil((self.params.fraction or 0) * len(pool.ids)))
        draws = {id: chance.child(id).seed() for id in pool.ids}
        kept = set(sorted(pool.ids, key=lambda id: (draws[id], id))[:count])
        return [id for id in pool.ids if id in kept]
