"""Pick: the highest scores of the whole pool."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import Field

from seglens.acquisition.draws import by_row, image_ranks
from seglens.acquisition.pick.basket import ROWS, Basket, ranking
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows


class TopParams(Params):
    """How strictly the best come first, and the best of what."""

    per_image: int | None = Field(None, gt=0, description="most questions an image and round; null = no cap")
    share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="draw by chance within this share of the pool's rows (images), best first; 0 = strictly best",
    )
    by: Literal["region", "image"] = Field(
        "region", description="region: the best rows; image: all rows of the best images (mean of an image's rows)"
    )
    rank: Literal["mean", "sum"] = Field(
        "mean", description="a row counts by its score, the mean over its pixels, or by their sum"
    )


@picks.register("top")
class Top:
    """Highest score first, over the whole pool; with ``share``, the best share comes in an order drawn by chance.

    ``rank: sum`` ranks rows by score times native pixels: the score summed over the region, so that of two regions
    alike the larger one comes first. ``by: image`` ranks images by the mean over their rows (over the best
    ``per_image`` of them where these are capped), then asks an image's rows, best first, before the next image's: with
    the cut ``object``, "an image's score is the mean of its K best" (SegXAL).
    """

    Params = TopParams

    def __init__(self, params: TopParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, best first; fewer where the budget or the pool ends."""
        value = self._value(rows, score)
        order = ranking(rows, value)
        order = (
            self._by_image(rows, value, order, chance)
            if self.params.by == "image"
            else self._by_region(rows, order, chance)
        )
        basket = Basket(rows, budget, self.params.per_image)
        basket.fill(budget.head(ROWS, order), of=ROWS)
        return basket.picked

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> dict[str, IntArray] | None:
        """By falling score; None where the best share or whole images are ranked."""
        if self.params.share or self.params.by == "image":
            return None
        return {ROWS: ranking(rows, self._value(rows, score))}

    def _value(self, rows: Rows, score: FloatArray) -> FloatArray:
        return score * rows.sizes if self.params.rank == "sum" else score

    def _by_region(self, rows: Rows, order: IntArray, chance: Chance) -> IntArray:
        head = int(np.ceil(self.params.share * len(rows)))
        if head <= 1:
            return order
        draws = by_row(rows, lambda image, n: chance.child(image).numpy().random((n, 1)))[:, 0]
        return np.concatenate([order[:head][np.argsort(draws[order[:head]], kind="stable")], order[head:]])

    def _by_image(self, rows: Rows, value: FloatArray, order: IntArray, chance: Chance) -> IntArray:
        """``order``, image after image."""
        names, ranks = image_ranks(rows)
        if not names:
            return order
        grouped = order[np.argsort(ranks[order], kind="stable")]
        starts = np.searchsorted(ranks[grouped], np.arange(len(names) + 1))
        best = [value[grouped[a:b][: self.params.per_image]].mean() for a, b in pairwise(starts)]
        images = np.argsort(-np.array(best), kind="stable")
        head = int(np.ceil(self.params.share * len(names)))
        if head > 1:
            draws = np.array([chance.child(names[image]).seed() for image in images[:head]])
            images = np.concatenate([images[:head][np.argsort(draws, kind="stable")], images[head:]])
        return np.concatenate([grouped[starts[image] : starts[image + 1]] for image in images])
