"""Segmentation metrics from one confusion matrix over a whole set.

Reference:
    Everingham et al., The PASCAL visual object classes challenge, IJCV 2010, section 4.2 (intersection over union).
"""

from __future__ import annotations

import numpy as np

from seglens.types import IGNORE, FloatArray, IntArray, SeglensError

RARE = 5
"""Classes that count as rare: the five that the truth has fewest pixels of."""


def confusion_matrix(truth: IntArray, prediction: IntArray, classes: int, ignore: int = IGNORE) -> IntArray:
    """How often each class was predicted as each.

    Args:
        truth: integer array of any shape; pixels equal to ``ignore`` are left out.
        prediction: the same shape, values in [0, classes).
        classes: number of classes C.
        ignore: value of void.

    Returns:
        (C, C) int64, rows = truth, columns = prediction.

    Raises:
        SeglensError: other shapes or values out of range.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 0]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    if truth.shape != prediction.shape:
        raise SeglensError(f"metrics: truth has the shape {truth.shape}, the prediction {prediction.shape}")
    valid = truth != ignore
    rows, columns = truth[valid].astype(np.int64), prediction[valid].astype(np.int64)
    for name, values in (("truth", rows), ("prediction", columns)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise SeglensError(
                f"metrics: {name} holds classes {values.min()} to {values.max()}, allowed 0 to {classes - 1}"
            )
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def iou(confusion: IntArray) -> FloatArray:
    """Intersection over union of each class.

    Args:
        confusion: (C, C), rows = truth.

    Returns:
        (C,) float64; NaN where the union is empty.

    Example:
        >>> iou(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])).tolist()
        [0.5, 0.5, nan]
    """
    hit = np.diag(confusion).astype(np.float64)
    return _ratio(hit, confusion.sum(0) + confusion.sum(1) - hit)


def dice(confusion: IntArray) -> FloatArray:
    """Dice coefficient (F1) of each class.

    Args:
        confusion: (C, C), rows = truth.

    Returns:
        (C,) float64; NaN where the class is in neither truth nor prediction.

    Example:
        >>> dice(np.array([[2, 1], [0, 1]])).round(3).tolist()
        [0.8, 0.667]
    """
    return _ratio(2 * np.diag(confusion).astype(np.float64), confusion.sum(0) + confusion.sum(1))


def miou(confusion: IntArray) -> float:
    """Mean IoU over the classes with a union; NaN if there is none.

    Args:
        confusion: (C, C), rows = truth.

    Example:
        >>> miou(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]]))
        0.5
    """
    values = iou(confusion)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def rare_classes(confusion: IntArray, count: int = RARE) -> tuple[int, ...]:
    """The rarest classes of the truth, rarest first; those that never occur are left out.

    Args:
        confusion: (C, C), rows = truth.
        count: how many.

    Example:
        >>> rare_classes(np.array([[9, 0, 0], [0, 0, 0], [1, 0, 1]]), 1)
        (2,)
    """
    pixels = confusion.sum(1)
    return tuple(int(c) for c in np.argsort(pixels, kind="stable") if pixels[c])[:count]


def rare_miou(confusion: IntArray, count: int = RARE) -> float:
    """Mean IoU over the rarest classes of the truth; NaN where there is no truth.

    Args:
        confusion: (C, C), rows = truth.
        count: how many classes.

    Example:
        >>> rare_miou(np.array([[8, 1], [1, 1]]), 1)
        0.3333333333333333
    """
    rare = rare_classes(confusion, count)
    return float(iou(confusion)[list(rare)].mean()) if rare else float("nan")


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio
