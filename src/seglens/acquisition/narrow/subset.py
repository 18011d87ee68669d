"""How many images a narrowing keeps, and which when they have values."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field, model_validator

from seglens.config import Params
from seglens.types import FloatArray, ImageId, ImageRows, SeglensError


class SubsetParams(Params):
    """How many images go on. More than the pool has is an error of the config (``loop.check``)."""

    images: int | None = Field(None, gt=0, description="images to keep, or give fraction")
    fraction: float | None = Field(None, gt=0, le=1, description="share of the images to keep, or give images")

    @model_validator(mode="after")
    def _one_of_two(self) -> SubsetParams:
        if (self.images is None) == (self.fraction is None):
            raise ValueError("give either images or fraction")
        return self

    def count(self, pool: int) -> int:
        """How many of ``pool`` images to keep: all of them where fewer are left than are asked for."""
        wanted = self.images if self.images is not None else math.ceil((self.fraction or 0) * pool)
        return min(wanted, pool)


class RankedParams(SubsetParams):
    """How many images go on, and whether once is enough."""

    again: bool = Field(
        False,
        description="whether images asked about in part compete with those never asked about; false: they come when "
        "no others are left",
    )


def highest(pool: ImageRows, values: FloatArray, labelled: ImageRows, params: RankedParams) -> list[ImageId]:
    """The images of the highest values, in the pool's order; of equal ones, those whose id comes first.

    What was asked about leaves the unlabelled pool (CPRAL, "move them from unlabeled pool to labeled set"): of such
    images of which something is left to ask, none comes before the last that was never asked about, unless ``again``.

    Args:
        pool: the images.
        values: (N,) one an image.
        labelled: the images asked about before.
        params: how many to keep.

    Raises:
        SeglensError: a value that is not finite, named by its image.
    """
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise SeglensError(f"image '{pool.ids[bad[0]]}': its value {values[bad[0]]} is not finite ({len(bad)} such)")
    asked = frozenset() if params.again else frozenset(labelled.ids)
    order = sorted(zip(pool.ids, values.tolist(), strict=True), key=lambda pair: (pair[0] in asked, -pair[1], pair[0]))
    kept = {id for id, _ in order[: params.count(len(pool.ids))]}
    return [id for id in pool.ids if id in kept]
