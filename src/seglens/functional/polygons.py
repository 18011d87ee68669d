"""Polygons as masks: a pixel is inside when its centre is."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, FloatArray, IntArray, Size


def fill_polygon(points: FloatArray, size: Size) -> BoolArray:
    """The pixels whose centres lie inside a polygon, by the even-odd rule.

    Args:
        points: (n, 2) x and y of its corners; pixel (y, x) reaches from x to x + 1 and from y to y + 1.
        size: (H, W) of the image; what leaves it is cut off.

    Returns:
        (H, W) bool.

    Example:
        >>> fill_polygon(np.array([[1, 0], [3, 0], [3, 1], [1, 1]]), (2, 4)).astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    height, width = size
    crossings: IntArray = np.zeros((height, width + 1), np.int64)
    start = np.asarray(points, np.float64)
    for (x0, y0), (x1, y1) in zip(start, np.roll(start, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        (xa, ya), (xb, yb) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
        rows = np.arange(*np.clip(np.ceil([ya - 0.5, yb - 0.5]), 0, height).astype(np.int64))
        x = xa + (rows + 0.5 - ya) * (xb - xa) / (yb - ya)
        np.add.at(crossings, (rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)), 1)
    inside: BoolArray = np.cumsum(crossings[:, :width], axis=1) % 2 == 1
    return inside
