"""What everything else is said in: names, arrays, enumerations, chance, errors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

IGNORE = 255
"""The class index of a pixel without a label."""

ImageId: TypeAlias = str
Size: TypeAlias = tuple[int, int]
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
ByteArray: TypeAlias = npt.NDArray[np.uint8]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


class SeglensError(Exception):
    """An error the user can act on: it names the key or file, what was found and what is allowed."""


class Provenance(IntEnum):
    """Where the label of a pixel comes from."""

    NONE = 0
    PERSON = 1
    SIMULATED = 2
    EXTENDED = 3
    MACHINE = 4


class Stage(StrEnum):
    """The stages of a round, in order."""

    NARROW = "narrow"
    SCORE = "score"
    PICK = "pick"
    ASK = "ask"
    AWAIT = "await"
    SETTLE = "settle"
    TRAIN = "train"
    EVALUATE = "evaluate"


class AnswerKind(StrEnum):
    """What a person says about a region."""

    DENSE = "dense"
    DOMINANT_CLASS = "dominant-class"
    CLASS_SET = "class-set"
    POINT = "point"
    VERDICT = "verdict"
    MASK = "mask"


class AnswerStatus(StrEnum):
    """What became of a question. Void is paid and not asked again."""

    ANSWERED = "answered"
    VOID = "void"
    UNSURE = "unsure"
    MISSING_CLASS = "missing-class"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class Purpose(StrEnum):
    """Why a question was asked: to label, or to audit an answer."""

    LABEL = "label"
    AUDIT = "audit"


class Unit(StrEnum):
    """The unit of a budget."""

    CLICKS = "clicks"
    PIXELS = "pixels"
    IMAGE_EQUIVALENTS = "image-equivalents"
    POOL_SHARE = "pool-share"
    IMAGES = "images"
    SECONDS = "seconds"


@dataclass(frozen=True)
class Chance:
    """A source of randomness named by a path of keys: (run seed, round, purpose, image id, pass).

    Two equal paths give equal draws whatever batch, order, shard or resume they are drawn in.

    Example:
        >>> int(Chance((0,)).child("pick", 3).seed() == Chance((0, "pick", 3)).seed())
        1
    """

    path: tuple[str | int, ...]

    def child(self, *keys: str | int) -> Chance:
        """The chance below this one under ``keys``."""
        return Chance(self.path + keys)

    def seed(self) -> int:
        """A 63-bit seed, the digest of the path."""
        digest = hashlib.blake2b(repr(self.path).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1

    def numpy(self) -> np.random.Generator:
        """A fresh NumPy generator."""
        return np.random.default_rng(self.seed())

    def torch(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A fresh torch generator on ``device``."""
        return torch.Generator(device=device).manual_seed(self.seed())


@dataclass(frozen=True)
class ClassTable:
    """The classes of a dataset, index = position. ``colors`` are 8-bit RGB, one a class."""

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Item:
    """What is known of an image without decoding it: native size (h, w), sequence it belongs to, depth file or None."""

    size: Size
    group: str
    depth: Path | None = None
