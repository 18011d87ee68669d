"""Narrow: of frames that look alike, one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.narrow.core_set import CoreSet
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class NearDuplicateParams(Params):
    """How alike is too alike."""

    similarity: float = Field(
        0.95,
        gt=0,
        le=1,
        description="cosine of two images' features, less the mean of all, from which one of them goes",
    )


@narrows.register("near-duplicate")
class NearDuplicate:
    """Leaves out images that look like one that was asked about, or like one before them in the order of their ids.

    Frames of a video that stands still are worth one question, not thirty. Alike is a cosine of the encoder's deepest
    features, means over the image, less the mean over all images: all street scenes point the same way otherwise. An
    image that was asked about in part stays. CamVid's frames are a second apart: of 367, 4 go at 0.95 and 13 at 0.9.
    """

    Params = NearDuplicateParams
    needs: ClassVar[frozenset[str]] = CoreSet.needs
    reads_labelled: ClassVar[bool] = True

    def __init__(self, params: NearDuplicateParams, context: PartContext) -> None:
        self.params = params

    reduce = CoreSet.reduce

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The images that are left, in the pool's order."""
        if not pool.ids:
            return []
        points = _directions(pool, labelled)
        left = set(labelled.ids)
        kept, count = np.empty_like(points), len(left)
        kept[:count] = points[len(pool.ids) :]
        for place in sorted(range(len(pool.ids)), key=lambda place: pool.ids[place]):
            if pool.ids[place] in left:
                continue
            if not count or float((kept[:count] @ points[place]).max()) < self.params.similarity:
                kept[count] = points[place]
                count += 1
                left.add(pool.ids[place])
        return [id for id in pool.ids if id in left]


def _directions(pool: ImageRows, labelled: ImageRows) -> FloatArray:
    """(pool + labelled, D) unit vectors, the pool's first; an image that is all the mean is like none."""
    parts = [rows.arrays["reduced"] for rows in (pool, labelled) if rows.ids]
    points = np.concatenate(parts).astype(np.float64)
    points -= points.mean(0)
    unit: FloatArray = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return unit
