"""Square windows on a map: the kernel that weighs one, the response at each place, the best that do not overlap."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from seglens.types import FloatArray, IntArray

KernelKind: TypeAlias = Literal["cumulative", "literal", "box"]

TILE = 16
"""Least side of the tiles whose best are remembered: below, their number would cost more than they save."""


def kernel_vector(kind: KernelKind, size: int, nsig: float = 2.0) -> Tensor:
    """The vector q of a separable window kernel K = q q^T.

    Args:
        kind: ``cumulative``: sqrt(N2 / sum N2) w, with N2 the outer product of the differences of the Gaussian's
            cumulative distribution over w equal steps; ``literal``: N2 w / ||N2||, as if its square were taken element
            by element, so that the square root undoes it; ``box``: ones.
        size: w, pixels.
        nsig: where the steps begin and end, standard deviations.

    Returns:
        (w,) float64. K's squares sum to w^2 in every kind: it weighs as much as a box.

    Raises:
        ValueError: an unknown kind, a size below 1, or no positive ``nsig``.

    Example:
        >>> kernel = region_kernel("cumulative", 32)
        >>> [round(float(x), 3) for x in (kernel.max(), kernel.min(), kernel.sum() / 32**2)]
        [1.667, 0.256, 0.933]

    Reference: CPRAL (arXiv 2112.05975), eq. 5, sigma = 2 and s = w. Deviation: the paper does not define N(s, sigma);
    read as "an s-steps cumulative Gaussian distribution" that "can produce a w^2 kernel": s differences, N^2 their
    outer product.
    """
    if size < 1 or nsig <= 0:
        raise ValueError(f"a window kernel needs size >= 1 and nsig > 0, found {size} and {nsig}")
    if kind == "box":
        return torch.ones(size, dtype=torch.float64)
    steps = torch.special.ndtr(torch.linspace(-nsig, nsig, size + 1, dtype=torch.float64)).diff()
    vector: Tensor
    if kind == "cumulative":
        vector = (steps / steps.sum() * size).sqrt()
        return vector
    if kind == "literal":
        vector = steps / steps.norm() * size**0.5
        return vector
    raise ValueError(f"kind: found '{kind}', allowed: cumulative, literal, box")


def region_kernel(kind: KernelKind, size: int, nsig: float = 2.0) -> Tensor:
    """The whole kernel of :func:`kernel_vector`, (w, w) float64."""
    vector = kernel_vector(kind, size, nsig)
    return torch.outer(vector, vector)


def filter_windows(maps: Tensor, vector: Tensor) -> Tensor:
    """The weighted sum over every window that lies wholly inside a map, by two one-dimensional convolutions.

    Args:
        maps: (N, h, w) floating point.
        vector: (s,) one axis of the kernel.

    Returns:
        (N, h - s + 1, w - s + 1), dtype and device of ``maps``; an entry belongs to the window whose upper left pixel
        has its coordinates.

    Raises:
        ValueError: a window larger than the map.
    """
    side = len(vector)
    if side > min(maps.shape[1:]):
        raise ValueError(f"a window of {side} does not fit a map of {maps.shape[1]} x {maps.shape[2]}")
    weight = vector.to(maps)
    with torch.backends.cudnn.flags(allow_tf32=False):  # its ten bits of mantissa would reorder windows
        columns = torch.conv2d(maps[:, None], weight.view(1, 1, side, 1))
        return torch.conv2d(columns, weight.view(1, 1, 1, side))[:, 0]


def pick_windows(response: FloatArray, size: int, count: int) -> IntArray:
    """Greedy non-maximum suppression: the best place, then the best of those that are left, and so on.

    A place closer than ``size`` to a picked one in both axes is left out (the windows would overlap). Of equal
    responses the first in row-major order comes first.

    Args:
        response: (h, w), higher = sooner; -inf = never.
        size: side of the windows, pixels.
        count: how many.

    Returns:
        (n, 2) int64 places (y, x), best first; n < ``count`` where no more fit: there is never a filler.

    Example:
        >>> pick_windows(np.array([[1.0, 5.0, 4.0, 3.0]]), 2, 9).tolist()
        [[0, 1], [0, 3]]

    Reference: CPRAL (arXiv 2112.05975), eq. 6. The best of each tile is remembered, so that a pick looks at nine tiles
    only: all picks together cost a few sweeps over the map, not one each.
    """
    tiles = _Tiles(response, max(size, TILE))
    found: list[tuple[int, int]] = []
    while len(found) < count:
        place = tiles.best()
        if place is None:
            break
        found.append(place)
        tiles.suppress(place, size)
    return np.array(found, np.int64).reshape(-1, 2)


class _Tiles:
    """A map in square tiles, each with its highest value and where that is."""

    def __init__(self, response: FloatArray, side: int) -> None:
        self.side = side
        rows, columns = (-(-length // side) for length in response.shape)
        self.map = np.full((rows * side, columns * side), -np.inf, np.float64)
        self.map[: response.shape[0], : response.shape[1]] = response
        self.value = np.empty((rows, columns))
        self.flat = np.empty((rows, columns), np.int64)
        self._look(slice(0, rows), slice(0, columns))

    def best(self) -> tuple[int, int] | None:
        """The highest value's place (y, x), the first of equals; None where nothing finite is left."""
        highest = self.value.max()
        if not np.isfinite(highest):
            return None
        y, x = divmod(int(self.flat[self.value == highest].min()), self.map.shape[1])
        return y, x

    def suppress(self, place: tuple[int, int], size: int) -> None:
        """Minus infinity at every place closer than ``size`` in both axes."""
        near = [slice(max(0, at - size + 1), at + size) for at in place]
        self.map[near[0], near[1]] = -np.inf
        touched = [slice(part.start // self.side, (part.stop - 1) // self.side + 1) for part in near]
        self._look(touched[0], touched[1])

    def _look(self, rows: slice, columns: slice) -> None:
        whole = self.map.reshape(self.value.shape[0], self.side, self.value.shape[1], self.side).swapaxes(1, 2)
        tiles = whole[rows, columns]
        each = tiles.reshape(*tiles.shape[:2], -1)
        at = each.argmax(-1)
        self.value[rows, columns] = np.take_along_axis(each, at[..., None], -1)[..., 0]
        y = np.arange(self.value.shape[0])[rows, None] * self.side + at // self.side
        x = np.arange(self.value.shape[1])[None, columns] * self.side + at % self.side
        self.flat[rows, columns] = y * self.map.shape[1] + x
