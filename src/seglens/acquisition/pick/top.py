"""Pick: the highest scores of the whole pool."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from seglens.acquisition.draws import by_row
from seglens.acquisition.pick.basket import Basket, ranking
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, RoundState, Rows


class TopParams(Params):
    """How strictly the best come first."""

    per_image: int | None = Field(None, gt=0, description="most questions an image and round; null = no cap")
    share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="draw by chance within this share of the pool's rows, best first; 0 = strictly best",
    )


@picks.register("top")
class Top:
    """Highest score first, over the whole pool; with ``share``, the best share comes in an order drawn by chance."""

    Params = TopParams

    def __init__(self, params: TopParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, best first; fewer where the budget or the pool ends."""
        order = ranking(rows, score)
        head = int(np.ceil(self.params.share * len(rows)))
        if head > 1:
            draws = by_row(rows, lambda image, n: chance.child(image).numpy().random((n, 1)))[:, 0]
            order = np.concatenate([order[:head][np.argsort(draws[order[:head]], kind="stable")], order[head:]])
        basket = Basket(rows, budget, self.params.per_image)
        basket.fill(order)
        return basket.picked
