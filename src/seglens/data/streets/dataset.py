"""The ``streets`` dataset: driving scenes generated on the fly, with exact labels and depth."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import Field

from seglens.data.classes import CITYSCAPES
from seglens.data.generated import GeneratedImages, GeneratedLabels, GeneratedParams, Scenes, source_digest
from seglens.data.streets.frame import Frame, draw
from seglens.registry import datasets
from seglens.types import ImageId


@cache
def _look() -> str:
    return source_digest(__package__)


class StreetsParams(GeneratedParams):
    """Which streets to draw."""

    seed: int = Field(0, ge=0, description="seed of the whole city")
    frames: int = Field(3, gt=0, le=8, description="frames a sequence: neighbours show the same street")


def _scenes(params: StreetsParams) -> Scenes[Frame]:
    return Scenes("streets", params, draw)


@datasets.register("streets")
class Streets(GeneratedImages[Frame]):
    """Driving scenes by chance: an image is a function of the parameters and its id alone."""

    Params = StreetsParams

    def __init__(self, params: StreetsParams) -> None:
        super().__init__(CITYSCAPES, _scenes(params), _look())
        self.params = params

    @classmethod
    def labels(cls, params: StreetsParams) -> StreetsLabels:
        """The exact truth of the same images."""
        return StreetsLabels(params)

    def depth(self, id: ImageId) -> npt.NDArray[np.float32]:
        """(H, W) float32 exact distance ahead of the camera (along its axis), metres; the sky is infinitely far.

        Raises:
            SeglensError: an id of another dataset.
        """
        return self.scenes.frame(id).depth.copy()


class StreetsLabels(GeneratedLabels[Frame]):
    """The truth of generated streets: Cityscapes training ids, IGNORE = void (own car, bins and boxes)."""

    def __init__(self, params: StreetsParams) -> None:
        super().__init__(_scenes(params))
