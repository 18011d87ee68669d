"""Pick: regions whose gradients are large and differ from one another."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seglens.acquisition.pick.basket import ROWS, Basket, ByScore, ranking, shortlisted
from seglens.acquisition.pick.k_center import KCenterParams
from seglens.functional.k_means import plus_plus
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, RoundState, Rows


class BadgeParams(KCenterParams):
    """Among what it draws."""


@picks.register("badge")
class Badge(ByScore):
    """A k-means++ draw over gradient embeddings, within the rows of the highest score; the largest gradient first.

    A region's embedding is the outer product of its mean gradient with respect to the logits, p - onehot(argmax p),
    and its mean feature. It is never made: of g h' and e f' the squared distance is
    |g|^2 |h|^2 + |e|^2 |f|^2 - 2 (g.e)(h.f).

    Reference:
        Ash et al., Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020, algorithm 1.
        Deviation: the product of means over a region, not the mean of its pixels' products; on a shortlist by score.
    """

    Params = BadgeParams
    needs: ClassVar[frozenset[str]] = frozenset({"features", "gradient"})

    def __init__(self, params: BadgeParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, in the order drawn; then by score, should the budget outlast the draws."""
        if not len(rows):
            return []
        few = shortlisted(rows, score, budget, self.params.shortlist)
        gradient = np.asarray(rows.arrays["gradient"][few], np.float64)
        feature = np.asarray(rows.arrays["features"][few], np.float64)
        length = (gradient**2).sum(1) * (feature**2).sum(1)

        def squared(place: int) -> FloatArray:
            inner = (gradient @ gradient[place]) * (feature @ feature[place])
            found: FloatArray = np.maximum(length + length[place] - 2 * inner, 0)
            return found

        basket = Basket(rows, budget)
        drawn = plus_plus(squared, int(length.argmax()), chance.child("badge").numpy())
        basket.fill(few[place] for place in drawn)
        basket.fill(budget.head(ROWS, ranking(rows, score)), of=ROWS)
        return basket.picked
