"""Greedy k-center: visit points so that each is far from all that were visited before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from seglens.types import FloatArray, IntArray

AT_ONCE = 4096
"""Points that are compared with the labelled ones together."""
PIECE = 2**14
"""Distances that are updated together: as many as torch does on one thread, since waking others takes longer."""


def k_center(features: FloatArray | Tensor, k: int, labelled: FloatArray | Tensor | None = None) -> IntArray:
    """The farthest-first order.

    Args:
        features: (n, D) points to visit, on any device; float64 is reckoned with as such, all else as float32.
        k: how many; at most n are returned.
        labelled: (m, D) points that count as visited already. Without any, the point nearest the mean comes first.

    Returns:
        (min(k, n),) int64 positions in ``features``, in the order visited; never one twice. Of equally far points the
        first comes first.

    Raises:
        ValueError: not two axes, widths that differ, or values that are not finite.

    Example:
        >>> k_center(np.array([[0.0], [1.0], [10.0], [4.0]]), 3).tolist()
        [3, 2, 0]

    Reference: Sener and Savarese, Active Learning for Convolutional Neural Networks (ICLR 2018), algorithm 1. O(n D) a
    pick: only the distances to the newest point are computed, as |x|^2 - 2 x.c + |c|^2, which reads the points once.

    Deviation: that form rounds. Points are moved to their mean first, which keeps the error of a squared distance at
    a few units in the last place of the largest |x|^2; points that are equally far but for that may change places.
    """
    return np.fromiter(islice(farthest_first(features, labelled), k), np.int64)


def farthest_first(features: FloatArray | Tensor, labelled: FloatArray | Tensor | None = None) -> Iterator[int]:
    """As ``k_center``, one after the other, for whoever does not know beforehand how many it takes."""
    points, known = _centred(features, labelled)
    norms = points.square().sum(1)
    if not norms.isfinite().all():
        raise ValueError("features: found values that are not finite, or too large to square")
    distance = _to_labelled(points, norms, known)
    newest = torch.empty_like(norms)
    size = PIECE if points.device.type == "cpu" else max(1, len(points))
    pieces = [(distance[i : i + size], newest[i : i + size]) for i in range(0, len(points), size)]
    for place in range(len(points)):
        best = _farthest(distance if place or len(known) else -norms)
        yield best
        torch.addmv(norms, points, points[best], alpha=-2, out=newest)
        for near, new in pieces:
            torch.minimum(near, new.add_(norms[best]).clamp_(min=0), out=near)
        distance[best] = -1.0


def _farthest(distance: Tensor) -> int:
    if distance.device.type == "cpu":
        return int(distance.numpy().argmax())  # ten times as fast as torch's
    return int(distance.argmax())


def _centred(features: FloatArray | Tensor, labelled: FloatArray | Tensor | None) -> tuple[Tensor, Tensor]:
    """(n, D) and (m, D), both moved by the mean of the first."""
    points = torch.as_tensor(features)
    if points.ndim != 2:
        raise ValueError(f"features: expected (n, D), found {tuple(points.shape)}")
    points = points.to(torch.float64 if points.dtype == torch.float64 else torch.float32)
    known = points[:0] if labelled is None or not len(labelled) else torch.as_tensor(labelled).to(points)
    if known.ndim != 2 or known.shape[1] != points.shape[1]:
        raise ValueError(f"labelled: expected (m, {points.shape[1]}), found {tuple(known.shape)}")
    mean = points.mean(0) if len(points) else points.new_zeros(points.shape[1])
    return points - mean, known - mean


def _to_labelled(points: Tensor, norms: Tensor, known: Tensor) -> Tensor:
    """(n,) squared distance of each point to the nearest labelled one, infinite without any."""
    if not len(known):
        return torch.full_like(norms, torch.inf)
    sizes = known.square().sum(1)
    nearest = torch.empty_like(norms)
    for start in range(0, len(points), AT_ONCE):
        here = slice(start, start + AT_ONCE)
        nearest[here] = torch.addmm(sizes, points[here], known.T, alpha=-2).amin(1)
    return nearest.add_(norms).clamp_(min=0)
