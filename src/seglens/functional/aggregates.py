"""What becomes of a map's pixels in a region."""

from __future__ import annotations

import numpy as np

from seglens.types import Aggregate, FloatArray, IntArray

TOP = 0.1
"""The share of a region's pixels that ``top`` takes the mean of; one pixel at least."""


def aggregated(labels: IntArray, values: FloatArray, count: int, how: Aggregate) -> FloatArray:
    """The mean of each region's pixels, their greatest, or the mean of their greatest tenth (rounded up).

    Args:
        labels: (n,) region of each pixel, -1 = none.
        values: (n,) finite values.
        count: number of regions.
        how: ``mean``, ``max`` or ``top``.

    Returns:
        (count,) float64; 0 for a region without pixels.

    Example:
        >>> aggregated(np.array([0, 0, 1, -1]), np.array([0.5, 1.0, 0.0, 9.0]), 3, "max").tolist()
        [1.0, 0.0, 0.0]
    """
    slots = labels.astype(np.intp) + 1
    sizes = np.bincount(slots, minlength=count + 1)
    if how == "mean":
        total = np.bincount(slots, values, minlength=count + 1)
        return np.asarray((total / np.maximum(sizes, 1))[1:])
    most = np.minimum(np.ceil(TOP * sizes) if how == "top" else 1.0, sizes)
    order = _descending(slots, values)
    owner = slots[order]
    rank = np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner]
    taken = rank < most[owner]
    total = np.bincount(owner[taken], values[order[taken]], minlength=count + 1)
    return np.asarray((total / np.maximum(most, 1))[1:])


def _descending(slots: IntArray, values: FloatArray) -> IntArray:
    """Positions by slot, and within a slot by falling value."""
    if not len(values):
        return np.zeros(0, np.intp)
    wide = values.astype(np.float64)
    high, low = wide.max(), wide.min()
    # one sort of one number is several times as fast as a sort by two
    return np.argsort(slots + (high - wide) / (2 * (high - low) or 1.0))
