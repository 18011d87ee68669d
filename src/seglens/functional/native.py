"""From the model's size to the image's own pixels, and back."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seglens.types import Size

T = TypeVar("T", bound=np.generic)


def to_native(values: npt.NDArray[T], size: Size) -> npt.NDArray[T]:
    """A map at the model's size in the image's own pixels: each takes the value of the cell that its centre lies in.

    Where the model's size is no larger than the image, the pixel in the middle of a cell takes that cell's value: what
    is sampled there (``Evidence.answered``) and enlarged here comes back as it was.

    Args:
        values: (h, w) masks or numbers.
        size: (H, W).

    Returns:
        (H, W), same dtype.

    Example:
        >>> to_native(np.array([[1, 2]]), (1, 5)).tolist()
        [[1, 1, 2, 2, 2]]
    """
    rows, columns = (_cells(native, cells) for native, cells in zip(size, values.shape, strict=True))
    native: npt.NDArray[T] = values[rows[:, None], columns]
    return native


def to_model(values: npt.NDArray[T], size: Size) -> npt.NDArray[T]:
    """A map of the image's own pixels at the model's size: each takes the value of the pixel that its centre lies in.

    Args:
        values: (H, W) labels, masks or numbers; no value is invented.
        size: (h, w).

    Returns:
        (h, w), same dtype.

    Example:
        >>> to_model(np.array([[1, 1, 2, 2, 2]]), (1, 2)).tolist()
        [[1, 2]]
    """
    return to_native(values, size)


def _cells(native: int, cells: int) -> npt.NDArray[Any]:
    return (2 * np.arange(native) + 1) * cells // (2 * native)
