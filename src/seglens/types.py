"""The words of the project: plain values that every room shares.

Axes: image (N, 3, H, W) float32 in [0, 1]; logits and probs (N, C, H, W); label (N, H, W), ``IGNORE`` = 255; score map
(N, H, W) float32, higher = ask sooner; coordinates (y, x); sizes (h, w); boxes half-open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

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


@dataclass(frozen=True)
class Region:
    """One question's pixels, in the image's own pixels.

    ``runs`` is (n, 2) int32: start and length of each run over the row-major pixels of ``size``. ``key`` names the set
    of regions it was cut from (a superpixel set, a grid), ``index`` its number there.
    """

    image: ImageId
    size: Size
    runs: IntArray
    key: str
    index: int

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return int(self.runs[:, 1].sum())


@dataclass(frozen=True)
class RegionSet:
    """All candidate questions of one image: disjoint, numbered 0 to count - 1.

    ``labels`` is (H, W) int32 in the image's own pixels: each pixel's region, -1 where there is none. ``boxes`` is
    not needed: a region's run-lengths are made from ``labels`` for the picked ones only (docs/decisions/001).
    ``values`` (count,) float32 is what the cut itself gives each region, higher = ask sooner; None = the mean score of
    its pixels.
    """

    image: ImageId
    key: str
    labels: IntArray
    count: int
    values: FloatArray | None = None


@dataclass(frozen=True)
class Cost:
    """What an answer costs or has cost. ``pixels`` are answered pixels that are not void."""

    clicks: float = 0.0
    pixels: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.clicks + other.clicks, self.pixels + other.pixels, self.seconds + other.seconds)


@dataclass(frozen=True)
class Query:
    """A question: a region, the answer wanted, why it is asked (``reason``: plain JSON values), its estimated cost."""

    id: str
    round: int
    region: Region
    kind: AnswerKind
    score: float
    estimate: Cost
    reason: Mapping[str, Any] = field(default_factory=dict)
    purpose: Purpose = Purpose.LABEL

    @property
    def image(self) -> ImageId:
        """The image asked about."""
        return self.region.image


@dataclass(frozen=True)
class Answer:
    """What was said to a query.

    ``classes`` holds the class of a dominant-class or point answer (one entry) or the class set (several). ``dense``
    is (pixels,) uint8 for dense answers: a class or IGNORE for each pixel of the region, in run order. ``point`` is
    the (y, x) of a point answer, in the image's own pixels.
    """

    query: str
    status: AnswerStatus
    cost: Cost
    provenance: Provenance
    classes: tuple[int, ...] = ()
    dense: ByteArray | None = None
    point: tuple[int, int] | None = None
    annotator: str = ""


@dataclass(frozen=True)
class Answered:
    """A query with its answer."""

    query: Query
    answer: Answer


@dataclass(frozen=True)
class AnsweredImage:
    """Every answer about one image, in the order asked. ``at_ask``: the prediction at the time of asking, by round,
    (h, w) uint8 at the model's size; a round without a model has none."""

    image: ImageId
    size: Size
    answers: Sequence[Answered]
    at_ask: Mapping[int, ByteArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Settled:
    """The labels that an image's answers become, in its own pixels.

    ``label`` (H, W) uint8, IGNORE = unlabelled; ``provenance`` (H, W) uint8; ``regions`` (H, W) int32: number of the
    region set's entry in ``sets`` for pixels that carry a class set instead of a class, -1 elsewhere; ``held``: ids of
    the answers that a gate keeps back; ``dice``: what the gate judged by, None where it did not.
    """

    label: ByteArray
    provenance: ByteArray
    regions: IntArray | None = None
    sets: tuple[tuple[int, ...], ...] = ()
    held: tuple[str, ...] = ()
    dice: float | None = None


@dataclass
class Targets:
    """What a batch is trained towards, at the size of the logits.

    Args:
        index: (N, H, W) int64 class, IGNORE where there is none.
        weight: (N, H, W) float32 weight of each pixel (by provenance).
        regions: (N, H, W) int32 entry in ``sets`` for pixels that carry a class set, -1 elsewhere; None = no sets.
        sets: (S, C) bool: the classes of each entry.
    """

    index: Tensor
    weight: Tensor
    regions: Tensor | None = None
    sets: Tensor | None = None


@dataclass
class PixelScore:
    """How much each pixel would teach.

    Args:
        value: (N, H, W) float32, higher = ask sooner.
        group: (N, H, W) int64 predicted class, or None; rows then keep the value by class, (R, C).
        dense: (N, K, H, W) float32 further maps to keep: rows hold their means by region, asked images the maps.
        sums: totals over the pool's pixels that ``Score.finish`` needs, summed over chunks.
        classes: number of classes C, needed with ``group``.
        names: the K names of ``dense``.
    """

    value: Tensor
    group: Tensor | None = None
    dense: Tensor | None = None
    sums: dict[str, FloatArray] = field(default_factory=dict)
    classes: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gate:
    """How a proximity map turns an image into a depth-informed one (SegXAL, section 3.2.2).

    Args:
        patches: rows and columns of the grid whose mean proximities are compared (patchwise depth).
        threshold: what the threshold of an image follows: ``nearest`` (the ``percentile`` of its patches minus
            ``spread`` standard deviations of them), ``median`` or ``otsu``.
        percentile: of the patches' proximity, 0 to 100: how near the nearest objects are.
        spread: standard deviations below it that still count as near.
        mode: ``hard`` (a patch is kept or black) or ``soft`` (a far patch fades with its proximity).
        faded: whether the maps made of the gated image fade like it (a deviation from the paper's text).
    """

    patches: Size = (16, 32)
    threshold: Literal["nearest", "median", "otsu"] = "nearest"
    percentile: float = 95.0
    spread: float = 1.0
    mode: Literal["hard", "soft"] = "soft"
    faded: bool = False


@dataclass(frozen=True)
class CamSpec:
    """Which class activation map (Seg-Grad-CAM).

    Args:
        layer: whose activation is weighted: ``bottleneck`` (deepest encoder features), a decoder layer by its stride
            (``stride-16``, ``stride-8``, ...), or ``trunk`` (what the head sees).
        classes: ``present``: a map for every predicted class; ``all``: one map for all of them at once (the sum of
            each pixel's highest logit).
        weights: ``mean`` of the gradients over the map, or ``positive``: their sum over the sum of the positive ones.
        aggregate: how the maps of an image's classes become one: ``max``, or ``share`` (mean weighted by each class's
            share of the prediction).
        normalise: of each class's map: ``min-max``, ``peak`` (divided by its maximum) or ``none``.
        gate: the network sees the depth-informed image; None = the plain one.
    """

    layer: str = "stride-8"
    classes: Literal["present", "all"] = "present"
    weights: Literal["mean", "positive"] = "mean"
    aggregate: Literal["max", "share"] = "max"
    normalise: Literal["min-max", "peak", "none"] = "min-max"
    gate: Gate | None = None


@dataclass(frozen=True)
class Seen:
    """An image that was asked about, as the model saw it then, and where its prediction proved wrong.

    ``maps``: name to (h, w) float32; ``wrong`` (h, w) int8 at the same size: 1 = wrong, 0 = right, -1 = not known.
    """

    image: ImageId
    maps: Mapping[str, FloatArray]
    wrong: npt.NDArray[np.int8]


@dataclass
class Rows:
    """One row a region (or an image), streamed from the workers; never pixels.

    Args:
        images: (R,) image id of each row (object array of str).
        regions: (R,) int32 number of the region in its image's RegionSet.
        sizes: (R,) int64 pixels of the region, native.
        fresh: (R,) int64 of them not asked about yet.
        arrays: named arrays of R rows: (R,), (R, C) or (R, D). ``value`` is the mean score; ``by_class`` (R, C) the
            score summed over pixels predicted as each class, over the region's pixels.
        sums: pool sums (see PixelScore).
        keys: image id to the key of its RegionSet.
    """

    images: npt.NDArray[np.object_]
    regions: IntArray
    sizes: IntArray
    fresh: IntArray
    arrays: dict[str, FloatArray] = field(default_factory=dict)
    sums: dict[str, FloatArray] = field(default_factory=dict)
    keys: dict[ImageId, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.regions)

    def take(self, index: npt.NDArray[Any]) -> Rows:
        """The rows at ``index`` (positions or a mask), in that order; sums and keys stay."""
        arrays = {k: v[index] for k, v in self.arrays.items()}
        return Rows(
            self.images[index], self.regions[index], self.sizes[index], self.fresh[index], arrays, self.sums, self.keys
        )

    @staticmethod
    def concat(parts: Sequence[Rows]) -> Rows:
        """All rows of ``parts``, in order; pool sums are added."""
        sums: dict[str, FloatArray] = {}
        keys: dict[ImageId, str] = {}
        for part in parts:
            keys.update(part.keys)
            for name, value in part.sums.items():
                sums[name] = sums[name] + value if name in sums else value
        filled = [p for p in parts if len(p)] or list(parts[:1])
        if not filled:
            empty = np.zeros(0, np.int64)
            return Rows(np.zeros(0, object), empty.astype(np.int32), empty, empty)
        arrays = {k: np.concatenate([p.arrays[k] for p in filled]) for k in filled[0].arrays}
        return Rows(
            np.concatenate([p.images for p in filled]),
            np.concatenate([p.regions for p in filled]),
            np.concatenate([p.sizes for p in filled]),
            np.concatenate([p.fresh for p in filled]),
            arrays,
            sums,
            keys,
        )


@dataclass(frozen=True)
class ImageRows:
    """One row an image, for narrow: ids and named arrays of as many rows."""

    ids: tuple[ImageId, ...]
    arrays: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Allowance:
    """What a round may spend: ``amount`` in ``unit``; ``costs`` (R,) estimated cost of each row in that unit."""

    unit: Unit
    amount: float
    costs: FloatArray


@dataclass(frozen=True)
class RoundState:
    """Where the run stands: round number, rounds in all, number of classes, questions so far by image."""

    round: int
    rounds: int
    classes: int
    asked: Mapping[ImageId, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """A fixed piece of the pool, the unit of work, of resume and of batching."""

    id: int
    images: tuple[ImageId, ...]


@dataclass
class ModelSet:
    """What training returns: the model, its EMA, and the models that its companions made, by companion name."""

    main: torch.nn.Module
    ema: torch.nn.Module | None = None
    members: dict[str, torch.nn.Module] = field(default_factory=dict)

    @property
    def best(self) -> torch.nn.Module:
        """The EMA where there is one: what scores, predicts and is evaluated."""
        return self.ema if self.ema is not None else self.main
