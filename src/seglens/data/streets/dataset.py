"""The ``streets`` dataset: driving scenes generated on the fly, with exact labels and depth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from seglens.config import Params
from seglens.data.classes import CITYSCAPES
from seglens.data.streets.frame import Frame, draw
from seglens.registry import datasets
from seglens.types import ByteArray, ImageId, Item, SeglensError, Size

Side = Annotated[int, Field(ge=16, le=2048)]


@cache
def _look() -> str:
    """A digest of the generator's own source, so that what other versions drew is never taken for this one's."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


class StreetsParams(Params):
    """Which streets to draw."""

    split: str = Field(
        "pool", min_length=1, pattern=r"^[\w-]+$", description="pool, eval, ...: other names, other streets"
    )
    images: int = Field(150, gt=0, description="number of images")
    size: tuple[Side, Side] = Field((128, 256), description="(height, width), pixels, 16 to 2048 each")
    seed: int = Field(0, ge=0, description="seed of the whole city")
    frames: int = Field(3, gt=0, le=8, description="frames a sequence: neighbours show the same street")


KEPT_BYTES = 2**28
"""Drawn frames kept in memory, so that image and label of a scene are drawn once: 1,000 at 128x256."""


@cache
def _frames(size: Size) -> Callable[[int, str, int, int], Frame]:
    """A drawer of frames of one size that remembers as many as fit ``KEPT_BYTES`` (8 bytes a pixel)."""

    @lru_cache(max(1, KEPT_BYTES // (8 * size[0] * size[1])))
    def frame(seed: int, split: str, sequence: int, frame: int) -> Frame:
        return draw(seed, split, sequence, frame, size)

    return frame


def _ids(params: StreetsParams) -> tuple[ImageId, ...]:
    return tuple(f"{params.split}/{i // params.frames:04d}_{i % params.frames:02d}" for i in range(params.images))


def _drawn(params: StreetsParams, known: frozenset[ImageId], id: ImageId) -> Frame:
    if id not in known:
        raise SeglensError(
            f"image '{id}': not in these streets of {params.images} images ({params.split}/0000_00, ...)"
        )
    sequence, _, frame = id.rpartition("/")[2].partition("_")
    return _frames(params.size)(params.seed, params.split, int(sequence), int(frame))


@datasets.register("streets")
class Streets:
    """Driving scenes by chance: an image is a function of the parameters and its id alone."""

    Params = StreetsParams

    def __init__(self, params: StreetsParams) -> None:
        self.classes = CITYSCAPES
        self.params = params
        self.ids: Sequence[ImageId] = _ids(params)
        self._known = frozenset(self.ids)

    @classmethod
    def labels(cls, params: StreetsParams) -> StreetsLabels:
        """The exact truth of the same images."""
        return StreetsLabels(params)

    def item(self, id: ImageId) -> Item:
        """Size and sequence; nothing is drawn."""
        if id not in self._known:
            raise SeglensError(f"image '{id}': not in these streets of {self.params.images} images")
        return Item(self.params.size, id.rpartition("_")[0])

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: an id of another dataset.
        """
        return _drawn(self.params, self._known, id).image.copy()

    def depth(self, id: ImageId) -> npt.NDArray[np.float32]:
        """(H, W) float32 exact distance ahead of the camera (along its axis), metres; the sky is infinitely far.

        Raises:
            SeglensError: an id of another dataset.
        """
        return _drawn(self.params, self._known, id).depth.copy()

    def fingerprint(self) -> str:
        """A digest of the parameters and of the generator's version."""
        plain = json.dumps({**self.params.model_dump(mode="json"), "look": _look()}, sort_keys=True)
        return hashlib.blake2b(plain.encode(), digest_size=12).hexdigest()


class StreetsLabels:
    """The truth of generated streets: a LabelSource."""

    def __init__(self, params: StreetsParams) -> None:
        self.params = params
        self._known = frozenset(_ids(params))

    def has(self, id: ImageId) -> bool:
        """Every image has its label."""
        return id in self._known

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 Cityscapes training id, IGNORE = void (own car, bins and boxes).

        Raises:
            SeglensError: an id of another dataset.
        """
        return _drawn(self.params, self._known, id).label.copy()
