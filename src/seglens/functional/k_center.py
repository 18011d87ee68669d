"""Greedy k-center: visit points so that each is far from all that were visited before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from seglens.types import FloatArray, IntArray

AT_ONCE = 256
"""Points whose distances are computed together."""


def k_center(features: FloatArray, k: int, labelled: FloatArray | None = None) -> IntArray:
    """The farthest-first order.

    Args:
        features: (n, D) points to visit.
        k: how many; at most n are returned.
        labelled: (m, D) points that count as visited already. Without any, the point nearest the mean comes first.

    Returns:
        (min(k, n),) int64 positions in ``features``, in the order visited; never one twice. Of equally far points the
        first comes first.

    Raises:
        ValueError: not two axes, or widths that differ.

    Example:
        >>> k_center(np.array([[0.0], [1.0], [10.0], [4.0]]), 3).tolist()
        [3, 2, 0]

    Reference: Sener and Savarese, Active Learning for Convolutional Neural Networks (ICLR 2018), algorithm 1. O(n D) a
    pick: only the distances to the newest point are computed.
    """
    return np.fromiter(islice(farthest_first(features, labelled), k), np.int64)


def farthest_first(features: FloatArray, labelled: FloatArray | None = None) -> Iterator[int]:
    """As ``k_center``, one after the other, for whoever does not know beforehand how many it takes."""
    points = np.asarray(features, np.float64)
    if points.ndim != 2:
        raise ValueError(f"features: expected (n, D), found {points.shape}")
    distance = _to_labelled(points, labelled)
    for place in range(len(points)):
        if place == 0 and not np.isfinite(distance).any():
            best = int(np.argmin(_squared(points, points.mean(0))))
        else:
            best = int(np.argmax(distance))
        yield best
        np.minimum(distance, _squared(points, points[best]), out=distance)
        distance[best] = -1.0


def _to_labelled(points: FloatArray, labelled: FloatArray | None) -> FloatArray:
    """(n,) squared distance of each point to the nearest labelled one, infinite without any."""
    distance = np.full(len(points), np.inf)
    if labelled is not None and len(labelled):
        if labelled.ndim != 2 or labelled.shape[1] != points.shape[1]:
            raise ValueError(f"labelled: expected (m, {points.shape[1]}), found {labelled.shape}")
        for point in np.asarray(labelled, np.float64):
            np.minimum(distance, _squared(points, point), out=distance)
    return distance


def _squared(points: FloatArray, point: FloatArray) -> FloatArray:
    """(n,) squared distance of each point to one."""
    squared = np.empty(len(points))
    for start in range(0, len(points), AT_ONCE):  # a piece stays in the processor's cache: half the time
        difference = points[start : start + AT_ONCE] - point
        np.einsum("nd,nd->n", difference, difference, out=squared[start : start + AT_ONCE])
    return squared
