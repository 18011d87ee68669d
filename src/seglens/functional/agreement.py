"""How far two people agree, beyond chance."""

from __future__ import annotations

import numpy as np

from seglens.types import FloatArray, IntArray


def kappa_table(first: IntArray, second: IntArray, categories: int) -> FloatArray:
    """How often the first said i where the second said j.

    Args:
        first: (n,) what the first said, 0 to ``categories`` - 1.
        second: (n,) what the second said of the same.
        categories: number of categories K.

    Returns:
        (K, K) float64 counts.

    Raises:
        ValueError: the two are not about the same things.
    """
    if first.shape != second.shape:
        raise ValueError(f"agreement: {first.shape} against {second.shape}")
    counts = np.bincount(first.astype(np.int64) * categories + second, minlength=categories**2)
    return counts.reshape(categories, categories).astype(np.float64)


def kappa(table: FloatArray) -> float | None:
    """Cohen's kappa; of a symmetric table it is Scott's pi, which does not ask who was first.

    Args:
        table: (K, K) counts or weights.

    Returns:
        (p - e) / (1 - e) for the share p on the diagonal and the share e expected by chance: 1 = always agree, 0 = as
        by chance. None of an empty table, and where both always say the same one thing.

    Example:
        >>> kappa(np.array([[20.0, 5.0], [10.0, 15.0]]))
        0.4

    Reference: Cohen, A coefficient of agreement for nominal scales (1960).
    """
    total = table.sum()
    if total == 0:
        return None
    shares = table / total
    chance = float(shares.sum(0) @ shares.sum(1))
    if np.isclose(chance, 1.0):
        return None
    return round(float((np.trace(shares) - chance) / (1 - chance)), 6)
