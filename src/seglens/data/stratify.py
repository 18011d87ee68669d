"""Folds in which every class occurs about equally often, of images that show several classes each."""

from __future__ import annotations

import numpy as np

from seglens.types import BoolArray, IntArray


def stratify(present: BoolArray, folds: int, rng: np.random.Generator) -> IntArray:
    """Iterative stratification: the rarest class left is dealt out first.

    The images that show it go, one by one, to the fold that has the fewest images of it so far, then to the fold with
    the fewest images, then by chance. As all folds are equally large, "fewest so far" is the paper's "most still
    desired". Images without any class come last, each to the smallest fold.

    Args:
        present: (N, C) whether each image shows each class.
        folds: number of folds K.
        rng: decides the order of images and ties.

    Returns:
        (N,) int64 fold of each image.

    Example:
        >>> present = np.array([[1, 0], [1, 0], [1, 1], [1, 1]], bool)
        >>> folds = stratify(present, 2, np.random.default_rng(0))
        >>> np.bincount(folds).tolist(), np.bincount(folds[present[:, 1]]).tolist()
        ([2, 2], [1, 1])

    Reference:
        Sechidis, Tsoumakas, Vlahavas, On the stratification of multi-label data, ECML PKDD 2011, algorithm 1.
    """
    fold = np.full(len(present), -1)
    sizes, shown = np.zeros(folds, np.int64), np.zeros((folds, present.shape[1]), np.int64)
    order = rng.permutation(len(present))
    while (fold < 0).any():
        left = present[fold < 0].sum(0)
        rarest = int(np.argmin(np.where(left > 0, left, len(present) + 1))) if left.any() else None
        rows = order[fold[order] < 0]
        for row in rows if rarest is None else rows[present[rows, rarest]]:
            best = np.arange(folds) if rarest is None else _fewest(shown[:, rarest], np.arange(folds))
            chosen = int(rng.choice(_fewest(sizes, best)))
            fold[row] = chosen
            sizes[chosen] += 1
            shown[chosen] += present[row]
    return fold


def _fewest(counts: IntArray, among: IntArray) -> IntArray:
    found: IntArray = among[counts[among] == counts[among].min()]
    return found
