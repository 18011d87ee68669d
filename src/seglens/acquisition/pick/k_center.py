"""Pick: regions whose features are farthest from all that was asked about, and from one another."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.acquisition.pick.basket import ROWS, Basket, ByScore, ranking, shortlisted
from seglens.config import Params
from seglens.functional.k_center import farthest_first
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, RoundState, Rows


class KCenterParams(Params):
    """Among what it chooses."""

    shortlist: float = Field(
        10.0, ge=1, description="rows looked at, those of the highest score, in times the rows the budget pays for"
    )


@picks.register("k-center")
class KCenter(ByScore):
    """Greedy k-center over region features, within the rows of the highest score, seeded with what was asked about.

    Reference:
        Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018,
        algorithm 1; by region, ViewAL (Siddiqui et al., CVPR 2020). Deviation: on a shortlist by score, and on features
        projected to 64 numbers. With the score ``random`` the shortlist is a random part of the pool.
    """

    Params = KCenterParams
    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(self, params: KCenterParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, farthest first; then by score, should the budget outlast the shortlist."""
        if not len(rows):
            return []
        few = shortlisted(rows, score, budget, self.params.shortlist)
        seeds = state.known.arrays["features"] if state.known is not None and len(state.known) else None
        basket = Basket(rows, budget)
        basket.fill(few[place] for place in farthest_first(rows.arrays["features"][few], seeds))
        basket.fill(budget.head(ROWS, ranking(rows, score)), of=ROWS)
        return basket.picked
