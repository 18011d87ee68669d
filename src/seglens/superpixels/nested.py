"""Fine superpixels within coarse ones: two scales whose borders agree."""

from __future__ import annotations

import numpy as np

from seglens.types import IntArray


def parents(fine: IntArray, coarse: IntArray) -> IntArray:
    """The coarse superpixel that each fine one shares most pixels with; the first of equals.

    Args:
        fine: (H, W) superpixel of each pixel, numbered from 0 without gaps.
        coarse: (H, W) likewise.

    Returns:
        (F,) number of the coarse superpixel of each fine one. A coarse superpixel may be left without any.

    Example:
        >>> parents(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]])).tolist()
        [0, 0]
    """
    columns = int(coarse.max()) + 1
    pair = fine.astype(np.int64) * columns + coarse
    found, shared = np.unique(pair, return_counts=True)
    owner = found // columns
    best = np.lexsort((found, -shared, owner))
    first = np.concatenate([[True], owner[best][1:] != owner[best][:-1]])
    parent: IntArray = found[best][first] % columns
    return parent
