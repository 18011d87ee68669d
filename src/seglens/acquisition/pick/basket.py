"""The basket that picks fill: never beyond the budget, never a row twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from seglens.acquisition.draws import image_ranks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows, TooFewRows

ROWS = "rows"
"""Name of the order by score."""

SLACK = 1e-9
"""What rounding of summed costs may add, relative to the budget."""


class Basket:
    """Picked rows, in order, with what they cost.

    Args:
        rows: the candidates.
        budget: what may be spent.
        per_image: most picks an image, or None.
    """

    def __init__(self, rows: Rows, budget: Allowance, per_image: int | None = None) -> None:
        self.picked: list[int] = []
        self.spent = 0.0
        self.limit = budget.amount * (1 + SLACK)
        self.per_image = per_image
        self._costs: list[float] = np.asarray(budget.costs, np.float64).tolist()
        self._budget, self._cheapest = budget, budget.cheapest
        self._images = rows.images
        self._taken = np.zeros(len(rows), bool)
        self._by_image: Counter[str] = Counter()

    def fill(self, order: Iterable[int], quota: float = float("inf"), of: str = "") -> bool:
        """Take rows in ``order`` while they fit; rows that are too dear are passed over.

        Args:
            order: positions, best first.
            quota: what this call may spend at most.
            of: the pick's order that these are of, where it is one (``Ordered``).

        Returns:
            Whether a row was passed over for its cost: more quota would have been spent.

        Raises:
            TooFewRows: the order goes on in the pool, and something is left to spend.
        """
        limit = min(self.limit, self.spent + quota)
        short = False
        for row in order:
            if self.spent + self._cheapest > limit:
                return True
            if self._taken[row] or self._full(row):
                continue
            if self.spent + self._costs[row] > limit:
                short = True
                continue
            self._taken[row] = True
            self._by_image[self._images[row]] += 1
            self.spent += self._costs[row]
            self.picked.append(int(row))
        if self.spent + self._cheapest > limit:
            return short or self._budget.is_short(of)
        if self._budget.is_cut(of):
            raise TooFewRows(of, limit - self.spent)
        return short or self._budget.is_short(of)

    def _full(self, row: int) -> bool:
        return self.per_image is not None and self._by_image[self._images[row]] >= self.per_image


def affordable(budget: Allowance) -> int:
    """How many rows the budget pays for at their mean cost: one at least, all at most."""
    count, mean = budget.rows, budget.mean_cost
    return count if mean * count <= budget.amount else max(int(budget.amount / mean), 1)


def shortlisted(rows: Rows, score: FloatArray, budget: Allowance, times: float) -> IntArray:
    """Positions of the rows with the highest scores, best first: ``times`` as many as the budget pays for.

    Raises:
        TooFewRows: the pool has more of them.
    """
    count = int(np.ceil(times * affordable(budget)))
    if budget.whole and budget.is_short(ROWS) and count > budget.whole.kept:
        raise TooFewRows(ROWS, wanted=count)
    return ranking(rows, score)[:count]


def ranking(rows: Rows, score: FloatArray, subset: IntArray | None = None) -> IntArray:
    """Positions by falling score; ties by image id, then region number, so that the rows' order does not matter.

    Args:
        rows: R rows.
        score: (R,), or a score of each row of ``subset``.
        subset: positions of the rows to rank; default: all.

    Returns:
        Positions in ``subset`` (in ``rows`` without one), best first.
    """
    if not len(score):
        return np.zeros(0, np.int64)
    ranks, regions = image_ranks(rows)[1], rows.regions
    if subset is not None:
        ranks, regions = ranks[subset], regions[subset]
    return np.lexsort((regions, ranks, -score))


class ByScore:
    """What picks have in common that go through the rows by score alone (``Ordered``)."""

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> dict[str, IntArray] | None:
        """The order by falling score."""
        return {ROWS: ranking(rows, score)}
