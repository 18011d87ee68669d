"""The knee of a rising curve that flattens out (Kneedle)."""

from __future__ import annotations

import numpy as np

from seglens.types import FloatArray


def knee(curve: FloatArray, sensitivity: float = 1.0) -> int | None:
    """Where a concave, rising curve bends.

    Both axes are scaled to [0, 1]; a local maximum of (curve - diagonal) is the knee once the difference falls below
    its threshold, maximum - sensitivity * mean step, before the next maximum; a local minimum resets it to 0.

    Args:
        curve: (n,) rising values at even steps.
        sensitivity: S.

    Returns:
        Position of the first knee, or None: no bend, fewer than three points, or a flat curve.

    Example:
        >>> knee(np.array([0.0, 0.6, 0.9, 0.95, 1.0]))
        2

    Reference: Satopaa et al., Finding a "Kneedle" in a Haystack (ICDCS 2011), offline, without smoothing.
    """
    n = len(curve)
    low, high = float(curve[0]) if n else 0.0, float(curve[-1]) if n else 0.0
    if n < 3 or high <= low:
        return None
    step = 1.0 / (n - 1)
    difference = (np.asarray(curve, np.float64) - low) / (high - low) - np.arange(n) * step
    before = np.concatenate([difference[:1], difference[:-1]])
    after = np.concatenate([difference[1:], difference[-1:]])
    maxima = (difference >= before) & (difference >= after)
    minima = (difference <= before) & (difference <= after)
    threshold = np.where(minima, 0.0, difference - sensitivity * step)
    # Each position is judged by the latest maximum or minimum up to it.
    event = np.maximum.accumulate(np.where(maxima | minima, np.arange(n), -1))
    peak = np.maximum.accumulate(np.where(maxima, np.arange(n), -1))
    fallen = (after < threshold[event]) & (peak >= 0)
    fallen[-1] = False
    places = np.flatnonzero(fallen)
    return int(peak[places[0]]) if len(places) else None
