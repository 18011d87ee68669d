"""Pick: the highest scores, few an image and not too near to one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.pick.basket import ROWS, Basket, ByScore, ranking
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows


class SpreadParams(Params):
    """How far the questions of a round are spread."""

    per_image: int = Field(4, gt=0, description="most questions an image and round, while other images have some left")
    distance: float = Field(
        2.0,
        ge=0,
        description="least distance of the middles of two questions of an image and round, in sides of the new one "
        "(the root of its pixels); 0 = none",
    )


@picks.register("spread")
class Spread(ByScore):
    """Highest score first, with a cap on an image and a least distance inside it.

    Where the budget would otherwise stay unspent, first the cap yields, then the distance.

    Reference:
        S4AL (Rangnekar et al., WACV 2023): the four best regions of each image and round, at no distance
        (``distance: 0``); Cai et al. (2022) for spatial diversity. Deviation: ranked over the whole pool, so that an
        image of low scores may have no question.
    """

    Params = SpreadParams
    needs: ClassVar[frozenset[str]] = frozenset({"place"})

    def __init__(self, params: SpreadParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, best first."""
        order = budget.head(ROWS, ranking(rows, score))
        basket = Basket(rows, budget, self.params.per_image)
        if self.params.distance and len(rows):
            basket.fill(self._apart(rows, order, basket), of=ROWS)
            basket.per_image = None
            basket.fill(self._apart(rows, order, basket), of=ROWS)
        else:
            basket.fill(order, of=ROWS)
            basket.per_image = None
        basket.fill(order, of=ROWS)
        return basket.picked

    def _apart(self, rows: Rows, order: IntArray, basket: Basket) -> Iterator[int]:
        """Of ``order`` the rows that lie far enough from all that the basket holds by then."""
        place = np.asarray(rows.arrays["place"], np.float64)
        least = self.params.distance * np.sqrt(rows.sizes)
        held: dict[str, list[int]] = {}
        seen = 0
        for row in order:
            for taken in basket.picked[seen:]:
                held.setdefault(rows.images[taken], []).append(taken)
            seen = len(basket.picked)
            near = held.get(rows.images[row], [])
            if not near or np.hypot(*(place[near] - place[row]).T).min() >= least[row]:
                yield int(row)
