"""Pick: the most typical region of each cluster of features; for the first rounds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import ClassVar

import numpy as np

from seglens.acquisition.pick.basket import Basket, affordable, ranking
from seglens.config import NoParams
from seglens.functional.k_means import k_means
from seglens.functional.neighbours import mean_distance, unit
from seglens.protocols import PartContext
from seglens.registry import picks
from seglens.types import Allowance, Chance, FloatArray, IntArray, RoundState, Rows

CLUSTERS = 500
"""Most clusters."""
NEIGHBOURS = 20
"""Nearest neighbours that typicality looks at."""
LEAST = 5
"""Clusters of fewer rows come last."""


@picks.register("typical")
class Typical:
    """Clusters with fewest questions so far first, of these the largest; from each the row in its densest place.

    Features, at length 1, are clustered by k-means into as many clusters as there were questions and the budget pays
    for, at most 500. Typicality is one over the mean distance to the 20 nearest neighbours in the cluster. Clusters are
    visited again and again, the next typical row each time; those of fewer than 5 rows come after all others.

    Reference:
        TypiClust (Hacohen et al., Active Learning on a Budget, ICML 2022), section 3.2. Deviation: typicality is not
        computed anew without the rows already taken; where the paper drops small clusters, they come last.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def choose(self, rows: Rows, score: FloatArray, budget: Allowance, state: RoundState, chance: Chance) -> list[int]:
        """Positions, in the order visited."""
        if not len(rows):
            return []
        order = ranking(rows, score)
        known, points = with_known(rows, order, state)
        clusters = min(known + affordable(budget), CLUSTERS)
        cluster = k_means(points, clusters, chance.child("clusters").numpy())
        basket = Basket(rows, budget)
        basket.fill(order[place] for place in visits(points, cluster, known))
        return basket.picked


def with_known(rows: Rows, order: IntArray, state: RoundState) -> tuple[int, FloatArray]:
    """How many rows are known, and the features at length 1: of these, whatever their order, then of ``rows``."""
    features = rows.arrays["features"][order]
    if state.known is None or not len(state.known):
        return 0, unit(features)
    known = state.known.take(np.lexsort((state.known.regions, state.known.images.astype(str))))
    return len(known), unit(np.concatenate([known.arrays["features"], features]))


def visits(points: FloatArray, cluster: IntArray, known: int) -> Iterator[int]:
    """The order of TypiClust, as positions behind the ``known`` first points."""
    count = int(cluster.max()) + 1
    sizes, asked = np.bincount(cluster, minlength=count), np.bincount(cluster[:known], minlength=count)
    inside = [_typical_first(points, np.flatnonzero(cluster == number), known) for number in range(count)]
    by_need = np.lexsort((-sizes, asked)).tolist()
    for small in (False, True):
        turns = zip_longest(*(inside[number] for number in by_need if (sizes[number] < LEAST) == small))
        yield from (place for turn in turns for place in turn if place is not None)


def _typical_first(points: FloatArray, members: IntArray, known: int) -> list[int]:
    order = members[np.argsort(mean_distance(points[members], NEIGHBOURS), kind="stable")]
    fresh: list[int] = (order[order >= known] - known).tolist()
    return fresh
