"""Regions of an image as a graph, and merging those that are seen alike."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, FloatArray, IntArray


def neighbours(labels: IntArray, count: int) -> list[IntArray]:
    """Which regions lie side by side (corners do not count).

    Args:
        labels: (H, W) region of each pixel, from 0.
        count: number of regions.

    Returns:
        For each region the sorted numbers of its neighbours.

    Example:
        >>> [found.tolist() for found in neighbours(np.array([[0, 1], [0, 2]]), 3)]
        [[1, 2], [0, 2], [0, 1]]
    """
    beside = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    pairs = [a[a != b].astype(np.int64) * count + b[a != b] for a, b in beside]
    one, other = np.divmod(np.unique(np.concatenate(pairs)), count)
    both = np.unique(np.concatenate([one * count + other, other * count + one]))
    bounds = np.searchsorted(both, np.arange(1, count) * count)
    return np.split(both % count, bounds)


def js_distance(p: FloatArray, q: FloatArray) -> FloatArray:
    """The Jensen-Shannon distance of distributions: the root of their divergence, in nats.

    Args:
        p: (..., C), summing to 1.
        q: (..., C), likewise.

    Returns:
        (...) in [0, sqrt(log 2)].
    """
    divergence = _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0)))


def merge_alike(
    adjacent: list[IntArray], seen: FloatArray, doubt: FloatArray, free: BoolArray, epsilon: float
) -> IntArray:
    """Merge each region with those around it that are seen as it is, the most doubtful region first.

    A region that is not merged yet is a root. Breadth first it takes in every region that touches what it has, is not
    merged yet, and has a distribution closer than ``epsilon`` to the root's own, so that chains do not drift.

    Args:
        adjacent: the neighbours of each of S regions.
        seen: (S, C) distribution over classes of each region.
        doubt: (S,) higher = earlier.
        free: (S,) regions that may be merged.
        epsilon: Jensen-Shannon distance below which regions are alike.

    Returns:
        (S,) int32 number of each region's group, in the order of the roots; -1 for regions that are not free.

    Reference: ASAL (Kim et al., ICCV 2023), adaptive superpixels.
    """
    seen = np.asarray(seen, np.float64)
    alike = _alike(adjacent, seen, epsilon)
    group = np.full(len(seen), -1, np.int32)
    open_ = free.copy()
    number = 0
    for root in np.argsort(-doubt, kind="stable"):
        if not open_[root]:
            continue
        group[root], open_[root] = number, False
        edge = alike[root][open_[alike[root]]]
        while len(edge):
            group[edge], open_[edge] = number, False
            near = np.unique(np.concatenate([adjacent[one] for one in edge]))
            near = near[open_[near]]
            edge = near[js_distance(seen[root], seen[near]) < epsilon] if len(near) else near
        number += 1
    return group


def _alike(adjacent: list[IntArray], seen: FloatArray, epsilon: float) -> list[IntArray]:
    """For each region its neighbours closer than ``epsilon``: all pairs in one sweep, for most roots need no more."""
    counts = np.array([len(few) for few in adjacent])
    flat, owner = np.concatenate(adjacent), np.repeat(np.arange(len(adjacent)), counts)
    close = js_distance(seen[owner], seen[flat]) < epsilon
    return np.split(flat[close], np.searchsorted(owner[close], np.arange(1, len(adjacent))))


def _entropy(p: FloatArray) -> FloatArray:
    return np.asarray(-(p * np.log(np.maximum(p, np.finfo(np.float64).tiny))).sum(-1))
