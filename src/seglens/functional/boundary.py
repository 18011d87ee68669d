"""Boundary IoU: intersection over union of what lies near the contours, where IoU of large classes sees little.

Reference: Cheng et al., Boundary IoU: Improving object-centric image segmentation evaluation (CVPR 2021), Eq. 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seglens.types import IGNORE, BoolArray, FloatArray, IntArray, Size

RATIO = 0.02
"""Width of the band by the image's diagonal, as the paper has it."""


def band_width(size: Size, ratio: float = RATIO) -> int:
    """Pixels from a contour that count as near it, at least one.

    Example:
        >>> band_width((360, 480)), band_width((4, 3))
        (12, 1)
    """
    return max(round(ratio * float(np.hypot(*size))), 1)


def contour_band(label: IntArray, width: int, frame: bool = True) -> BoolArray:
    """Pixels within ``width`` of a pixel of another class.

    Distances are the larger of rows and columns: ``width`` erosions of each class by a square of 3 x 3 leave the rest.

    Args:
        label: (H, W) classes; void is a class like any other here.
        width: pixels.
        frame: whether the image's frame is a contour too, as the paper has it.

    Returns:
        (H, W) bool.

    Example:
        >>> contour_band(np.array([[0, 0, 0, 1, 1]]), 1, frame=False).astype(int).tolist()
        [[0, 0, 1, 1, 0]]
    """
    around = np.pad(label, width, mode="edge")
    low, high = (_window(_window(around, width, 0, of), width, 1, of) for of in (np.minimum, np.maximum))
    band: BoolArray = low != high
    if frame:
        band[:width] = band[-width:] = True
        band[:, :width] = band[:, -width:] = True
    return band


def _window(values: IntArray, width: int, axis: int, of: Callable[[IntArray, IntArray], IntArray]) -> IntArray:
    """The least or greatest of each 2 ``width`` + 1 neighbours along an axis, by windows that double."""
    values = np.moveaxis(values, axis, 0)
    covered, wanted = 1, 2 * width + 1
    while covered < wanted:
        step = min(covered, wanted - covered)
        values = of(values[:-step], values[step:])
        covered += step
    return np.moveaxis(values, 0, axis)


def boundary_counts(
    truth: IntArray, prediction: IntArray, classes: int, ratio: float = RATIO, ignore: int = IGNORE
) -> IntArray:
    """Pixels of each class near its contours. Counts of images add up.

    Where the truth is void the prediction is taken as void too, so that both have their contour there.

    Args:
        truth: (H, W) integers; ``ignore`` is void.
        prediction: (H, W), values in [0, classes).
        classes: number of classes C.
        ratio: width of the band by the image's diagonal.
        ignore: value of void.

    Returns:
        (3, C) int64: pixels of both bands, of the truth's, of the prediction's.
    """
    width = band_width((truth.shape[0], truth.shape[1]), ratio)
    known = truth != ignore
    seen = np.where(known, prediction, truth.dtype.type(ignore))
    near_truth, near_seen = contour_band(truth, width) & known, contour_band(seen, width) & known
    both = near_truth & near_seen & (truth == seen)
    parts = (truth[both], truth[near_truth], seen[near_seen])
    return np.stack([np.bincount(part, minlength=classes) for part in parts])


def boundary_iou(counts: IntArray) -> FloatArray:
    """Boundary IoU of each class.

    Args:
        counts: (3, C), see :func:`boundary_counts`.

    Returns:
        (C,) float64; NaN for a class without a contour.

    Example:
        >>> boundary_iou(np.array([[2, 0], [3, 0], [3, 0]])).tolist()
        [0.5, nan]
    """
    union = counts[1] + counts[2] - counts[0]
    found: FloatArray = np.divide(counts[0], union, out=np.full(union.shape, np.nan), where=union > 0)
    return found
