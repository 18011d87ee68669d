"""k-means, and the draw by squared distance that it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from scipy.cluster.vq import vq

from seglens.types import FloatArray, IntArray

TURNS = 20
"""Most turns of Lloyd's algorithm."""


def plus_plus(squared: Callable[[int], FloatArray], first: int, rng: np.random.Generator) -> Iterator[int]:
    """Points one after the other, each drawn by its squared distance to the nearest point before it.

    Args:
        squared: gives the (n,) squared distances of all points to one of them.
        first: the point that comes first.
        rng: of the draws.

    Yields:
        Positions, never one twice, until every point lies on one of them.

    Reference: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding (SODA 2007), section 2.2.
    """
    yield first
    nearest = np.array(squared(first), np.float64)
    nearest[first] = 0
    while True:
        steps = np.cumsum(nearest)
        if not steps[-1] > 0:
            return
        place = int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))
        yield place
        np.minimum(nearest, squared(place), out=nearest)
        nearest[place] = 0


def k_means(points: FloatArray, k: int, rng: np.random.Generator) -> IntArray:
    """Each point's cluster.

    Args:
        points: (n, D).
        k: clusters; fewer where fewer points differ.
        rng: of the first centres (k-means++).

    Returns:
        (n,) int64, numbers from 0; each cluster holds a point.

    Example:
        >>> found = k_means(np.array([[0.0], [9.0], [0.1]]), 2, np.random.default_rng(0))
        >>> bool(found[0] == found[2] != found[1])
        True

    Reference: Lloyd's algorithm, at most 20 turns; a centre without points stays where it is.
    """
    points = np.asarray(points, np.float64)
    if not len(points):
        return np.zeros(0, np.int64)

    def squared(place: int) -> FloatArray:
        distances: FloatArray = ((points - points[place]) ** 2).sum(1)
        return distances

    centres = points[list(islice(plus_plus(squared, int(rng.integers(len(points))), rng), max(k, 1)))]
    cluster = vq(points, centres)[0]
    for _ in range(TURNS):
        counts = np.bincount(cluster, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, cluster, points)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
        before, cluster = cluster, vq(points, centres)[0]
        if np.array_equal(before, cluster):
            break
    return np.unique(cluster, return_inverse=True)[1].astype(np.int64)
