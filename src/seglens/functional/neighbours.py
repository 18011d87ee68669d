"""Who is near whom: distances between all points, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seglens.types import BoolArray, FloatArray, IntArray

BLOCK = 1 << 22
"""Distances held at a time: 32 MiB."""


def unit(points: FloatArray) -> FloatArray:
    """(n, D) float64 points at length 1; one at 0 stays there."""
    points = np.asarray(points, np.float64)
    length = np.linalg.norm(points, axis=1, keepdims=True)
    scaled: FloatArray = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return scaled


def mean_distance(points: FloatArray, k: int) -> FloatArray:
    """(n,) mean Euclidean distance of each point to its k nearest others; 0 for a point alone.

    Args:
        points: (n, D).
        k: how many, at least 1; all others where they are fewer.

    Example:
        >>> mean_distance(np.array([[0.0], [1.0], [3.0]]), 1).tolist()
        [1.0, 1.0, 2.0]
    """
    k = min(k, len(points) - 1)
    mean = np.zeros(len(points))
    if k < 1:
        return mean
    for start, squared in _blocks(points):
        squared[np.arange(len(squared)), start + np.arange(len(squared))] = np.inf
        mean[start : start + len(squared)] = np.sqrt(np.partition(squared, k - 1, axis=1)[:, :k]).mean(1)
    return mean


def purity_radius(points: FloatArray, cluster: IntArray, purity: float) -> float:
    """The largest radius at which so large a share of the points have only their own cluster's points around them.

    Args:
        points: (n, D), n at least 1.
        cluster: (n,) of each point.
        purity: that share, in (0, 1].

    Returns:
        The radius; infinite where there is one cluster alone. A point of another cluster at that distance exactly is
        not inside (``balls`` are open).

    Example:
        >>> purity_radius(np.array([[0.0], [1.0], [3.0]]), np.array([0, 0, 1]), 1.0)
        2.0
    """
    clear = np.empty(len(points))
    for start, squared in _blocks(points):
        mine = cluster[start : start + len(squared), None] == cluster[None]
        squared[mine] = np.inf
        clear[start : start + len(squared)] = np.sqrt(squared.min(1))
    impure = len(points) - int(np.ceil(purity * len(points) - 1e-9))
    return float(np.sort(clear)[impure])


def balls(points: FloatArray, radius: float) -> BoolArray:
    """(n, n) whether two points lie less than ``radius`` apart; a point lies in its own ball always."""
    near = np.empty((len(points), len(points)), bool)
    for start, squared in _blocks(points):
        near[start : start + len(squared)] = squared < radius**2
    near |= near.T  # rounding may tell the two directions apart
    np.fill_diagonal(near, True)
    return near


def _blocks(points: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Squared distances of a few rows to all points, with the first row's number."""
    points = np.asarray(points, np.float64)
    lengths = np.einsum("nd,nd->n", points, points)
    step = max(BLOCK // max(len(points), 1), 1)
    for start in range(0, len(points), step):
        few = slice(start, start + step)
        squared = lengths[few, None] + lengths[None] - 2 * points[few] @ points.T
        yield start, np.maximum(squared, 0, out=squared)
