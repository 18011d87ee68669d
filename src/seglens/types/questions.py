"""Questions, answers, and the labels they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seglens.types.words import (
    AnswerKind,
    AnswerStatus,
    ByteArray,
    FloatArray,
    ImageId,
    IntArray,
    Provenance,
    Purpose,
    Size,
)


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
