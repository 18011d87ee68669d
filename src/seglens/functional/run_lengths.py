"""Run-lengths: a region's pixels as starts and lengths over the row-major pixels of its image."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, IntArray, Size


def encode(mask: BoolArray) -> IntArray:
    """The runs of a mask.

    Args:
        mask: (H, W) bool.

    Returns:
        (n, 2) int32: start and length of each run, in order, as long as they can be.

    Example:
        >>> encode(np.array([[False, True], [True, False]])).tolist()
        [[1, 2]]
    """
    flat = np.concatenate([[False], mask.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).astype(np.int32)


def indices(runs: IntArray) -> IntArray:
    """The row-major pixel numbers of runs.

    Args:
        runs: (n, 2) start and length.

    Returns:
        (pixels,) int64, in run order.
    """
    starts, lengths = runs[:, 0].astype(np.int64), runs[:, 1].astype(np.int64)
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def decode(runs: IntArray, size: Size) -> BoolArray:
    """The mask of runs.

    Args:
        runs: (n, 2) start and length.
        size: (H, W).

    Returns:
        (H, W) bool.

    Raises:
        ValueError: a run leaves the image.
    """
    height, width = size
    index = indices(runs)
    if len(index) and (index.min() < 0 or index.max() >= height * width):
        raise ValueError(f"runs: pixel {int(index.max())} lies outside an image of {height} x {width}")
    mask = np.zeros(height * width, bool)
    mask[index] = True
    return mask.reshape(height, width)


def encode_label(labels: IntArray, index: int) -> IntArray:
    """The runs of the pixels numbered ``index``.

    Args:
        labels: (H, W) integers.
        index: the number looked for.

    Returns:
        (n, 2) int32 start and length.
    """
    return encode(labels == index)


def box(runs: IntArray, size: Size, margin: int = 0) -> list[int]:
    """Top, left, bottom, right (half-open) of the pixels of runs with a margin, inside the image.

    Args:
        runs: (n, 2) start and length, n at least 1.
        size: (H, W).
        margin: pixels.

    Example:
        >>> box(np.array([[1, 2], [6, 1]]), (2, 5))
        [0, 1, 2, 3]
    """
    y, x = np.divmod(indices(runs), size[1])
    top, left = max(int(y.min()) - margin, 0), max(int(x.min()) - margin, 0)
    return [top, left, min(int(y.max()) + 1 + margin, size[0]), min(int(x.max()) + 1 + margin, size[1])]
