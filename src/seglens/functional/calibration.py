"""Calibration: whether a network is right as often as it says.

Reference: Guo et al., On calibration of modern neural networks (ICML 2017), Eq. 3.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seglens.types import BoolArray, FloatArray

BINS = 15
"""Bins of equal width, as the paper has them."""


def confidence(logits: Tensor) -> FloatArray:
    """The probability of the most probable class.

    Args:
        logits: (C, H, W).

    Returns:
        (H, W) float32.

    Example:
        >>> import torch
        >>> confidence(torch.zeros(4, 1, 1)).tolist()
        [[0.25]]
    """
    logits = logits.float()
    # the best class alone stands over the sum: its own term is exp(0)
    found: FloatArray = (1 / (logits - logits.amax(0)).exp_().sum(0)).cpu().numpy()
    return found


def calibration_gaps(confidence: FloatArray, right: BoolArray, bins: int = BINS) -> FloatArray:
    """Right pixels less the confidence in them, summed over the pixels of each bin. Gaps of images add up.

    Args:
        confidence: (P,) in [0, 1].
        right: (P,) whether the class is the true one.
        bins: of equal width over [0, 1].

    Returns:
        (bins,) float64.

    Example:
        >>> calibration_gaps(np.array([0.25, 0.75, 1.0]), np.array([False, True, True]), bins=2).tolist()
        [-0.25, 0.25]
    """
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps: FloatArray = np.zeros(bins)
    gaps += np.bincount(which, weights=right - confidence.astype(np.float64), minlength=bins)
    return gaps


def calibration_error(gaps: FloatArray, pixels: int) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy, bins weighted by their pixels.

    Args:
        gaps: (bins,), see :func:`calibration_gaps`.
        pixels: that they were summed over.

    Returns:
        0 to 1; NaN without a pixel.

    Example:
        >>> calibration_error(np.array([-0.25, 0.25]), 2)
        0.25
    """
    return float(np.abs(gaps).sum()) / pixels if pixels else float("nan")
