"""How sure a mIoU over few images is: resampling the images."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from seglens.functional.metrics import miou
from seglens.types import Chance, FloatArray, IntArray

RESAMPLES = 2000
EDGE = 1e-3
"""How near to 0 and 1 a mIoU counts as such."""


def miou_interval(
    confusions: IntArray, chance: Chance, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The interval in which the mIoU over all images like these lies, from a few drawn at random.

    Each resample weighs the images anew (the Bayesian bootstrap) and gives each class one image more: of the mean size
    that the class has where it is seen, and of an IoU from Beta(m, 1 - m), m the mIoU of all. Without that image a
    class seen in two or three images seems as sure as one seen in all, and the percentiles of a plain bootstrap cover
    the truth far less often than they say. From their median the percentiles are then stretched as Student's t is wider
    than the normal, for N - 1 degrees of freedom. ``benchmarks/audit_set.py`` measures how often both hold the truth.

    Args:
        confusions: (N, C, C) of each image, rows = truth, N at least 1.
        chance: of the resamples.
        level: of the interval, in (0, 1).
        resamples: how many.

    Returns:
        Low and high end; NaN where no class has a union.

    Example:
        >>> low, high = miou_interval(np.array([[[8, 2], [1, 9]]] * 20), Chance((0,)))
        >>> bool(low <= 0.74 <= high)
        True

    Reference: Rubin, The Bayesian bootstrap (Annals of Statistics 1981).
    """
    hit = np.einsum("ncc->nc", confusions).astype(np.float64)
    union = confusions.sum(1) + confusions.sum(2) - hit
    seen = union.sum(0) > 0
    if not seen.any():
        return float("nan"), float("nan")
    mean = float(np.clip(miou(confusions.sum(0)), EDGE, 1 - EDGE))
    hit, union = hit[:, seen], union[:, seen]
    draw = chance.numpy()
    # gamma weights, not scaled to a sum: a ratio of two sums does not see the scale, the image more has weight 1 too
    weights = draw.standard_exponential((resamples, len(hit)))
    more = draw.standard_exponential((resamples, hit.shape[1])) * union.sum(0) / (union > 0).sum(0)
    quality = draw.beta(mean, 1 - mean, (resamples, hit.shape[1]))
    values: FloatArray = ((weights @ hit + more * quality) / (weights @ union + more)).mean(1)
    low, middle, high = np.quantile(values, [(1 - level) / 2, 0.5, (1 + level) / 2])
    upper = (1 + level) / 2
    stretch = float(stdtrit(max(len(hit) - 1, 1), upper) / ndtri(upper))
    return max(middle - stretch * (middle - low), 0.0), min(middle + stretch * (high - middle), 1.0)
