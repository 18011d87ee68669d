"""What is streamed and picked from: rows, chunks, what a round may spend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seglens.types.words import FloatArray, ImageId, IntArray, Unit


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


class TooFewRows(Exception):
    """A pick came to the end of the rows at hand, and the pool has more: it is to be called again with more of them.

    Args:
        order: which of its orders ended.
        left: what was left to spend then: a row that costs more is not needed; None = any row may be.
        wanted: rows of the order that it has to see.
    """

    def __init__(self, order: str, left: float | None = None, wanted: int = 0) -> None:
        super().__init__(order)
        self.order, self.left, self.wanted = order, left, wanted


@dataclass(frozen=True)
class Whole:
    """The pool of which the rows at hand may be a part: those that come first in each order that a pick goes through.

    Args:
        rows: that can be asked about.
        images: that they lie in.
        mean_cost: of its rows.
        cheapest: cost of the cheapest one.
        kept: rows at hand of each order.
        left: by order, what can be spent behind these: so many again are at hand of those that cost no more.
        cut: names of the orders that go on beyond the rows at hand.
        dear: names of the orders of which all rows are at hand that cost no more than what is left, and not all others.
    """

    rows: int
    images: int
    mean_cost: float
    cheapest: float
    kept: int = 0
    left: Mapping[str, float] = field(default_factory=dict)
    cut: frozenset[str] = frozenset()
    dear: frozenset[str] = frozenset()

    def first(self, order: str, positions: IntArray, costs: FloatArray) -> IntArray:
        """Of an order of some rows those that are kept."""
        first, rest = positions[: self.kept], positions[self.kept :]
        if order not in self.left or not len(rest):
            return first
        return np.concatenate([first, rest[costs[rest] <= self.left[order]][: self.kept]])


@dataclass(frozen=True)
class Allowance:
    """What a round may spend.

    Args:
        unit: of the budget.
        amount: in that unit.
        costs: (R,) estimated cost of each row in that unit.
        whole: the pool, where the rows may be a part of it; None = they are the pool.
    """

    unit: Unit
    amount: float
    costs: FloatArray
    whole: Whole | None = None

    @property
    def rows(self) -> int:
        """Rows of the pool."""
        return self.whole.rows if self.whole else len(self.costs)

    @property
    def mean_cost(self) -> float:
        """Mean cost of the pool's rows."""
        return self.whole.mean_cost if self.whole else float(np.mean(self.costs))

    @property
    def cheapest(self) -> float:
        """Cost of the pool's cheapest row; 0 without rows."""
        if self.whole:
            return self.whole.cheapest
        return float(np.min(self.costs)) if len(self.costs) else 0.0

    def is_cut(self, order: str) -> bool:
        """Whether an order goes on beyond the rows at hand, with rows that could be paid for."""
        return self.whole is not None and order in self.whole.cut

    def is_short(self, order: str) -> bool:
        """Whether an order goes on beyond the rows at hand."""
        return self.whole is not None and order in self.whole.cut | self.whole.dear

    def head(self, order: str, positions: IntArray) -> IntArray:
        """Of an order of the rows at hand its beginning in the pool, and what is left to pay for behind that."""
        return self.whole.first(order, positions, self.costs) if self.whole and self.is_short(order) else positions


@dataclass(frozen=True)
class RoundState:
    """Where the run stands: round number, rounds in all, number of classes, questions so far by image.

    ``known``: the round's rows of which nothing is left to ask, with their arrays and ``paid`` (R,) clicks that the
    answer about just that region cost, NaN where there is none; None = none. There are none of a cut that follows the
    score, and none of images that were narrowed away.
    """

    round: int
    rounds: int
    classes: int
    asked: Mapping[ImageId, int] = field(default_factory=dict)
    known: Rows | None = None


@dataclass(frozen=True)
class Chunk:
    """A fixed piece of the pool, the unit of work, of resume and of batching."""

    id: int
    images: tuple[ImageId, ...]
