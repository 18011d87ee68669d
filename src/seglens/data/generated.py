"""Datasets that are drawn and not stored: an image is a function of the parameters and its id alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, Generic, Protocol, TypeAlias, TypeVar

from pydantic import Field

from seglens.config import Params
from seglens.types import ByteArray, ClassTable, ImageId, Item, SeglensError, Size

Side = Annotated[int, Field(ge=16, le=2048)]

KEPT_BYTES = 2**28
"""Drawn frames kept in memory, so that image and label of a scene are drawn once: 1,000 at 128x256."""


class GeneratedParams(Params):
    """Which scenes to draw."""

    split: str = Field(
        "pool", min_length=1, pattern=r"^[\w-]+$", description="pool, eval, ...: other names, other scenes"
    )
    images: int = Field(150, gt=0, description="number of images")
    size: tuple[Side, Side] = Field((128, 256), description="(height, width), pixels, 16 to 2048 each")
    seed: int = Field(0, ge=0, description="seed of all scenes")
    frames: int = Field(3, gt=0, le=8, description="frames a sequence: neighbours show the same scene")


class Drawn(Protocol):
    """A frame: picture (H, W, 3) uint8 RGB and label (H, W) uint8."""

    @property
    def image(self) -> ByteArray:
        """What a camera sees."""
        ...

    @property
    def label(self) -> ByteArray:
        """The class of each pixel."""
        ...


FrameT = TypeVar("FrameT", bound=Drawn)
Draw: TypeAlias = Callable[[int, str, int, int, Size], FrameT]
"""Called with seed, split, sequence, frame in the sequence, and size."""


@cache
def _remembered(draw: Draw[FrameT], size: Size) -> Draw[FrameT]:
    """The same drawer for frames of one size, remembering as many as fit ``KEPT_BYTES`` (8 bytes a pixel)."""
    kept: Draw[FrameT] = lru_cache(max(1, KEPT_BYTES // (8 * size[0] * size[1])))(draw)
    return kept


def source_digest(package: str) -> str:
    """A digest of a generator's own source, so that what other versions drew is never taken for this one's."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(files(package).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Scenes(Generic[FrameT]):
    """The scenes that parameters name.

    Args:
        what: these are called in errors: ``streets``.
        params: which scenes.
        draw: draws a frame.
    """

    what: str
    params: GeneratedParams
    draw: Draw[FrameT]

    @cached_property
    def ids(self) -> tuple[ImageId, ...]:
        """``split/sequence_frame`` of each image."""
        split, frames = self.params.split, self.params.frames
        return tuple(f"{split}/{i // frames:04d}_{i % frames:02d}" for i in range(self.params.images))

    @cached_property
    def known(self) -> frozenset[ImageId]:
        """The ids, to look one up."""
        return frozenset(self.ids)

    def place(self, id: ImageId) -> tuple[int, int]:
        """Sequence and frame of an image.

        Raises:
            SeglensError: an id of another dataset.
        """
        if id not in self.known:
            raise SeglensError(
                f"image '{id}': not in these {self.what} of {self.params.images} images "
                f"({self.params.split}/0000_00, ...)"
            )
        sequence, _, frame = id.rpartition("/")[2].partition("_")
        return int(sequence), int(frame)

    def frame(self, id: ImageId) -> FrameT:
        """The frame of an image, drawn once.

        Raises:
            SeglensError: an id of another dataset.
        """
        sequence, frame = self.place(id)
        seed, split, size = self.params.seed, self.params.split, self.params.size
        drawn: FrameT = _remembered(self.draw, size)(seed, split, sequence, frame, size)
        return drawn


class GeneratedImages(Generic[FrameT]):
    """The images of scenes: a SegDataset.

    Args:
        classes: the class table.
        scenes: which scenes.
        look: a digest of how they are drawn.
    """

    def __init__(self, classes: ClassTable, scenes: Scenes[FrameT], look: str) -> None:
        self.classes, self.scenes, self._look = classes, scenes, look
        self.ids: Sequence[ImageId] = scenes.ids

    def item(self, id: ImageId) -> Item:
        """Size and sequence; nothing is drawn."""
        self.scenes.place(id)
        return Item(self.scenes.params.size, id.rpartition("_")[0])

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: an id of another dataset.
        """
        return self.scenes.frame(id).image.copy()

    def fingerprint(self) -> str:
        """A digest of the parameters and of the generator's version."""
        plain = json.dumps({**self.scenes.params.model_dump(mode="json"), "look": self._look}, sort_keys=True)
        return hashlib.blake2b(plain.encode(), digest_size=12).hexdigest()


class GeneratedLabels(Generic[FrameT]):
    """The truth of drawn scenes: a LabelSource."""

    def __init__(self, scenes: Scenes[FrameT]) -> None:
        self.scenes = scenes

    def has(self, id: ImageId) -> bool:
        """Every image has its label."""
        return id in self.scenes.known

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void.

        Raises:
            SeglensError: an id of another dataset.
        """
        return self.scenes.frame(id).label.copy()
