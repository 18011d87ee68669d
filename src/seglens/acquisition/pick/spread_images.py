"""Pick: evenly over the images; the pick of round 0, when there is no model to score with."""

from __future__ import annotations

import numpy as np

from seglens.acquisition.draws import image_ranks
from seglens.acquisition.pick.basket import ROWS, Basket, ranking
from seglens.config import NoParams
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows, TooFewRows


@picks.register("spread-images")
class SpreadImages:
    """One question of each image in turn, again and again, until the budget is spent; within an image by score.

    Images come in the order that the rows' array ``order`` (R,) gives, farthest first in feature space (k-center); in
    an order drawn by chance where the rows have none.
    """

    Params = NoParams

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions in the order asked; fewer where the budget or the pool ends."""
        basket = Basket(rows, budget)
        try:
            basket.fill(budget.head(ROWS, self.orders(rows, score, budget, state, chance)[ROWS]), of=ROWS)
        except TooFewRows:  # no row without those of its image before it: they tell its turn
            raise TooFewRows(ROWS) from None
        return basket.picked

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> dict[str, IntArray]:
        """Image after image, again and again; all rows of an image that come before one of it are there with it."""
        if not len(rows):
            return {ROWS: np.zeros(0, np.int64)}
        names, ranks = image_ranks(rows)
        place = rows.arrays.get("order")
        if place is None:
            place = np.array([chance.child(name).seed() for name in names], np.float64)[ranks]
        best_first = ranking(rows, score)
        turn = np.empty(len(rows), np.int64)
        # A row's turn is the number of better rows in its own image.
        grouped = best_first[np.argsort(ranks[best_first], kind="stable")]
        starts = np.searchsorted(ranks[grouped], np.arange(len(names)))
        turn[grouped] = np.arange(len(rows)) - starts[ranks[grouped]]
        return {ROWS: np.lexsort((ranks, place, turn))}
