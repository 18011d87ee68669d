"""Pick: regions of high score that are likely to cost few clicks, by what earlier answers cost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.stats import rankdata

from seglens.acquisition.pick.basket import Basket, ranking
from seglens.config import NoParams
from seglens.functional.ridge import ridge
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, RoundState, Rows

LEAST = 10
"""Answers from which on their cost is learnt from; before, the score alone decides."""


@picks.register("cost-aware")
class CostAware:
    """Highest product of two ranks first: of the score, and of one minus the clicks that an answer will likely cost.

    Clicks are predicted by a ridge regression, fitted each round to the clicks that were paid for regions of the same
    cut: on a region's pixels, its mean score, its pixels at predicted edges (in all, and their share), how many classes
    are predicted in it and how much of it is not of the first of them. Ranks lie in (0, 1), ties share theirs.

    Reference:
        CEREALS (Mackowiak et al., BMVC 2018), section 3.3. Deviation: there a network predicts the clicks from the
        image, trained on the labelled images' polygons.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"edges"})

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, the most worth its clicks first."""
        if not len(rows):
            return []
        clicks = predicted_clicks(rows, state.known)
        value = score if clicks is None else _share_of_ranks(score) * (1 - _share_of_ranks(clicks))
        basket = Basket(rows, budget)
        basket.fill(ranking(rows, value))
        return basket.picked


def predicted_clicks(rows: Rows, known: Rows | None) -> FloatArray | None:
    """(R,) clicks that an answer about each row will likely cost; None while too few are known."""
    if known is None:
        return None
    paid = np.flatnonzero(np.isfinite(known.arrays["paid"]))
    if len(paid) < LEAST:
        return None
    fit = ridge(_columns(known.take(paid)), known.arrays["paid"][paid])
    return fit(_columns(rows))


def _columns(rows: Rows) -> FloatArray:
    """(R, D) what can be told of an answer's length beforehand."""
    sizes, edges = rows.sizes.astype(np.float64), rows.arrays["edges"][:, 0]
    columns = [sizes, rows.arrays["value"], edges, edges * sizes]
    if "share" in rows.arrays:
        share = rows.arrays["share"]
        columns += [(share > 0).sum(1), 1 - share.max(1)]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _share_of_ranks(values: FloatArray) -> FloatArray:
    """(R,) in (0, 1): the share of the rows that are lower, of equal ones half."""
    ranks: FloatArray = (rankdata(values) - 0.5) / len(values)
    return ranks
