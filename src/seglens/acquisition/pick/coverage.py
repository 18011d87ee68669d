"""Pick: regions whose neighbourhoods in feature space cover most of the pool; for the first rounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.draws import by_row
from seglens.acquisition.pick.basket import ROWS, Basket, ranking
from seglens.acquisition.pick.typical import with_known
from seglens.config import Params
from seglens.functional.k_means import k_means
from seglens.functional.neighbours import balls, purity_radius
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, BoolArray, Chance, FloatArray, IntArray, RoundState, Rows, TooFewRows

DRAWN = "drawn"
"""Name of the order in which rows are drawn to be looked at."""
MOST = 4096
"""Rows looked at, and as many of those asked about: the graph has an entry for each two of them."""


class CoverageParams(Params):
    """How far a row speaks for its neighbours."""

    purity: float = Field(
        0.95, gt=0, le=1, description="least share of rows whose neighbourhood holds their own k-means cluster alone"
    )


@picks.register("coverage")
class Coverage:
    """Again and again the row with most neighbours that no row asked about covers yet.

    Neighbours lie less than delta apart, in features at length 1. Delta is the largest for which ``purity`` of the rows
    have neighbours of their own cluster alone, of as many k-means clusters as there are classes.

    Reference:
        ProbCover (Yehuda et al., Active Learning Through a Covering Lens, NeurIPS 2022), algorithm 1 and section 3.3.
        Deviation: beyond 4096 rows a part drawn by chance stands for all; once all is covered the score decides.
    """

    Params = CoverageParams
    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(self, params: CoverageParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, most newly covered rows first."""
        if not len(rows):
            return []
        order = budget.head(ROWS, ranking(rows, score))
        if budget.whole and budget.is_short(DRAWN) and budget.whole.kept < MOST:
            raise TooFewRows(DRAWN, wanted=MOST)
        few = _part(rows, ranking(rows, score), chance.child("rows"))
        if state.known is not None:
            known = state.known
            part = _part(known, ranking(known, np.zeros(len(known))), chance.child("known"))
            state = RoundState(state.round, state.rounds, state.classes, state.asked, known.take(part))
        asked, points = with_known(rows, few, state)
        cluster = k_means(points, state.classes, chance.child("clusters").numpy())
        near = balls(points, purity_radius(points, cluster, self.params.purity))
        basket = Basket(rows, budget)
        basket.fill(few[place] for place in covering(near, asked))
        basket.fill(order, of=ROWS)
        return basket.picked

    def orders(
        self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance
    ) -> dict[str, IntArray]:
        """By falling score, and as drawn to be looked at."""
        drawn = _draws(rows, chance.child("rows")) if len(rows) else np.zeros(0)
        return {ROWS: ranking(rows, score), DRAWN: ranking(rows, -drawn)}


def _part(rows: Rows, order: IntArray, chance: Chance) -> IntArray:
    """``order``, or where it is long ``MOST`` of it drawn by image id and region number."""
    if len(order) <= MOST:
        return order
    kept = np.zeros(len(rows), bool)
    kept[ranking(rows, -_draws(rows, chance))[:MOST]] = True
    return order[kept[order]]


def _draws(rows: Rows, chance: Chance) -> FloatArray:
    return by_row(rows, lambda image, n: chance.child(image).numpy().random((n, 1)))[:, 0]


def covering(near: BoolArray, asked: int) -> Iterator[int]:
    """The greedy order of ProbCover, as positions behind the ``asked`` first points, until all is covered.

    Args:
        near: (n, n) whether two points are neighbours; each is its own.
        asked: the first so many points cover from the start.

    Example:
        >>> near = np.eye(4, dtype=bool) | np.array([[0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool)
        >>> list(covering(near, 0)), list(covering(near, 1))
        ([0, 3], [2])
    """
    covered = near[:asked].any(0)
    gain = near[asked:] @ (~covered).astype(np.float32)
    while len(gain) and gain.max() > 0:
        best = int(gain.argmax())
        yield best
        fresh = near[asked + best] & ~covered
        covered |= fresh
        gain -= near[asked:, fresh].sum(1)
