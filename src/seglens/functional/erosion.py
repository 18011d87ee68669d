"""Masks without their border."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, IntArray, Size


def eroded(mask: BoolArray, pixels: int) -> BoolArray:
    """The pixels of a mask that lie farther than so many pixels (Chebyshev) from what is outside it.

    What lies outside the image is not outside the mask: an edge of the image is no border.

    Args:
        mask: (H, W).
        pixels: width of the border, 0 = none.

    Returns:
        (H, W).

    Example:
        >>> eroded(np.array([[1, 1, 1, 0]], bool), 1).tolist()
        [[True, True, False, False]]
    """
    for _ in range(pixels):
        rows = np.pad(mask, ((1, 1), (0, 0)), mode="edge")
        mask = rows[:-2] & mask & rows[2:]
        columns = np.pad(mask, ((0, 0), (1, 1)), mode="edge")
        mask = columns[:, :-2] & mask & columns[:, 2:]
    return mask


def inner(index: IntArray, size: Size, pixels: int) -> IntArray:
    """Positions of a region's pixels without its border; a region too narrow for that loses less, never everything.

    Args:
        index: (n,) rising pixel numbers of the region, row-major in the image.
        size: (H, W) of the image.
        pixels: width of the border.

    Returns:
        (m,) rising positions in ``index``, m at least 1 where n is.
    """
    if not pixels or not len(index):
        return np.arange(len(index))
    y, x = np.divmod(index, size[1])
    top, left = max(0, int(y.min()) - 1), max(0, int(x.min()) - 1)
    mask = np.zeros((min(size[0], int(y.max()) + 2) - top, min(size[1], int(x.max()) + 2) - left), bool)
    mask[y - top, x - left] = True
    for width in range(pixels, 0, -1):
        kept = eroded(mask, width)[y - top, x - left]
        if kept.any():
            return np.flatnonzero(kept)
    return np.arange(len(index))
