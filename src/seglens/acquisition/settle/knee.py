"""The knee of a rising curve that flattens out (Kneedle)."""

from __future__ import annotations

import numpy as np

from seglens.types import FloatArray, IntArray


def knees(curve: FloatArray, sensitivity: float = 1.0) -> IntArray:
    """Where a concave, rising curve bends.

    Both axes are scaled to [0, 1]; a local maximum of (curve - diagonal) is a knee if the difference falls below its
    threshold, maximum - sensitivity * mean step, before the next maximum; a local minimum resets the threshold to 0.

    Args:
        curve: (n,) rising values at even steps.
        sensitivity: S.

    Returns:
        Rising positions of all knees; none for fewer than three points or a flat curve.

    Reference: Satopaa et al., Finding a "Kneedle" in a Haystack (ICDCS 2011), without smoothing.
    """
    n = len(curve)
    if n < 3 or curve[-1] <= curve[0]:
        return np.zeros(0, np.int64)
    difference = above_diagonal(curve)
    before = np.concatenate([difference[:1], difference[:-1]])
    after = np.concatenate([difference[1:], difference[-1:]])
    maxima = (difference >= before) & (difference >= after)
    minima = (difference <= before) & (difference <= after)
    threshold = np.where(minima, 0.0, difference - sensitivity / (n - 1))
    # Each position is judged by the latest maximum or minimum up to it.
    event = np.maximum.accumulate(np.where(maxima | minima, np.arange(n), -1))
    peak = np.maximum.accumulate(np.where(maxima, np.arange(n), -1))
    fallen = (after < threshold[event]) & (peak >= 0)
    fallen[-1] = False
    return np.unique(peak[fallen])


def knee(curve: FloatArray, sensitivity: float = 1.0) -> int | None:
    """The strongest knee: the one that lies highest above the diagonal.

    Deviation: the usual implementation takes the first knee. Confidences of a region with two classes in it begin with
    a flat low part, where the very first point or the first wiggle would be that knee, and nothing would be sieved.

    Args:
        curve: (n,) rising values at even steps.
        sensitivity: S, see :func:`knees`.

    Returns:
        Its position, or None where there is no knee.

    Example:
        >>> knee(np.array([0.0, 0.6, 0.9, 0.95, 1.0]))
        2
    """
    found = knees(curve, sensitivity)
    return int(found[np.argmax(above_diagonal(curve)[found])]) if len(found) else None


def above_diagonal(curve: FloatArray) -> FloatArray:
    """(n,) the curve less the diagonal, both axes scaled to [0, 1]; the curve must rise."""
    values = np.asarray(curve, np.float64)
    scaled: FloatArray = (values - values[0]) / (values[-1] - values[0])
    return scaled - np.arange(len(values)) / (len(values) - 1)
