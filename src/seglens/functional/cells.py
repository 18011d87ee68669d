"""The cell: what one pixel question covers, 4 x 4 of the image's own pixels on a fixed grid."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, IntArray, Size

CELL = 4
"""Side of a cell, native pixels."""


def cell_of(index: IntArray, size: Size, point: tuple[int, int]) -> BoolArray:
    """Which pixels lie in the cell of ``point``.

    Args:
        index: (n,) row-major pixel numbers.
        size: (H, W).
        point: (y, x).

    Returns:
        (n,) bool.

    Example:
        >>> cell_of(np.array([0, 3, 4]), (8, 8), (2, 1)).tolist()
        [True, True, False]
    """
    y, x = np.divmod(index, size[1])
    inside: BoolArray = (y // CELL == point[0] // CELL) & (x // CELL == point[1] // CELL)
    return inside


def central_pixel(index: IntArray, size: Size) -> int:
    """The pixel of a region that lies nearest its mean position; the first of equals.

    Args:
        index: (n,) row-major pixel numbers, n at least 1.
        size: (H, W).

    Returns:
        Its row-major number.
    """
    y, x = np.divmod(index, size[1])
    # Whole numbers, so that pixels at equal distance are equal: both sides times n.
    n = len(index)
    distance = (y * n - y.sum()) ** 2 + (x * n - x.sum()) ** 2
    return int(index[np.argmin(distance)])
