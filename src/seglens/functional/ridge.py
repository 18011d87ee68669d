"""Ridge regression on standardised columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seglens.types import FloatArray


def ridge(columns: FloatArray, values: FloatArray, strength: float = 1.0) -> Callable[[FloatArray], FloatArray]:
    """Fit values by a linear function of columns.

    Args:
        columns: (n, D), n at least 1; each is brought to mean 0 and deviation 1 first, a constant one is left out.
        values: (n,).
        strength: of the penalty on squared weights; the intercept has none.

    Returns:
        Given (m, D) columns, (m,) fitted values.

    Example:
        >>> fit = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), 1e-9)
        >>> fit(np.array([[3.0]])).round(3).tolist()
        [7.0]
    """
    columns, values = np.asarray(columns, np.float64), np.asarray(values, np.float64)
    middle, scale = columns.mean(0), columns.std(0)
    scale = np.where(scale > 1e-12, scale, np.inf)
    x = (columns - middle) / scale
    mean = values.mean()
    weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (values - mean))

    def fitted(more: FloatArray) -> FloatArray:
        found: FloatArray = (np.asarray(more, np.float64) - middle) / scale @ weights + mean
        return found

    return fitted
