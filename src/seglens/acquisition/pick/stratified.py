"""Pick: a part of the budget divided over the classes, the rest by score, both stirred with noise (ClaSP PE)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from seglens.acquisition.draws import by_row
from seglens.acquisition.pick.basket import ROWS, Basket, ranking
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows

FLOOR = 1e-12
"""Least score before the logarithm."""


class StratifiedParams(Params):
    """How the budget is divided and stirred."""

    share: float = Field(0.66, ge=0, le=1, description="share of the budget divided evenly over the classes")
    first_beta: float = Field(1.0, gt=0, description="inverse size of the noise in round 0")
    last_beta: float = Field(100.0, gt=0, description="inverse size of the noise in the last round")
    per_image: float | None = Field(
        3.0, gt=0, description="most questions an image and round, in mean quotas of an image; null = no cap"
    )


@picks.register("stratified")
class Stratified:
    """For each class the rows with most score on its pixels, then the rest by score, both stirred with noise.

    Ranked is log(score) + Gumbel(0, 1/beta), beta growing geometrically over the rounds: early rounds explore. Classes
    come in an order drawn by chance; what is too small for a class's next question goes on to the next class. Rows
    without a value by class leave the whole budget to the ranking by score with noise. The cap on an image yields where
    the budget would otherwise stay unspent.

    Reference: ClaSP PE (TMLR 2026, arXiv 2601.13677). Deviation: the score by class is that of the pixels predicted as
    the class, unless the score says otherwise (``entropy`` with ``by_class: probable`` is the paper's H p_c);
    background counts as a class.
    """

    Params = StratifiedParams

    def __init__(self, params: StratifiedParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, best first within each class, classes first; fewer where the budget or the pool ends."""
        if not len(rows):
            return []
        orders = self.orders(rows, score, budget, state, chance)
        rest = budget.head(ROWS, orders.pop(ROWS))
        basket = Basket(rows, budget, self._cap(rows, budget))
        left = 0.0
        for name, order in orders.items():
            quota = self.params.share * budget.amount / len(orders) + left
            before = basket.spent
            short = basket.fill(budget.head(name, order), quota, of=name)
            left = quota - (basket.spent - before) if short else 0.0
        basket.fill(rest, of=ROWS)
        basket.per_image = None
        basket.fill(rest, of=ROWS)
        return basket.picked

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> dict[str, IntArray]:
        """The classes' orders in the order that they are visited, then that by score, all of them with noise."""
        if not len(rows):
            return {ROWS: np.zeros(0, np.int64)}
        by_class = rows.arrays.get("by_class", np.zeros((len(rows), 0)))
        noise = self._noise(rows, by_class.shape[1] + 1, state, chance)
        found: dict[str, IntArray] = {}
        for index in chance.child("classes").numpy().permutation(by_class.shape[1]):
            present = np.flatnonzero(by_class[:, index] > 0)
            value = np.log(np.maximum(by_class[present, index], FLOOR)) + noise[present, 1 + index]
            found[f"class {index}"] = present[ranking(rows, value, present)]
        found[ROWS] = ranking(rows, np.log(np.maximum(score, FLOOR)) + noise[:, 0])
        return found

    def _noise(self, rows: Rows, columns: int, state: RoundState, chance: Chance) -> FloatArray:
        """(R, columns) Gumbel noise, drawn by image id and region number."""
        part = state.round / max(state.rounds - 1, 1)
        beta = self.params.first_beta * (self.params.last_beta / self.params.first_beta) ** min(part, 1.0)
        draws = by_row(rows, lambda image, n: chance.child("noise", image).numpy().gumbel(size=(n, columns)))
        noise: FloatArray = draws / beta
        return noise

    def _cap(self, rows: Rows, budget: Allowance) -> int | None:
        if self.params.per_image is None or budget.mean_cost <= 0:
            return None
        images = budget.whole.images if budget.whole else len(set(rows.images))
        quota = budget.amount / budget.mean_cost / images
        return max(int(np.ceil(self.params.per_image * quota)), 1)
