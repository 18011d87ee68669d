"""The paired t-test, and what is left of it after many of them: pure functions.

Reference: Holm, A simple sequentially rejective multiple test procedure (Scandinavian Journal of Statistics 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtr

from seglens.bench.compare import spread

ALPHA = 0.05
"""Chance of one false win or more among all comparisons of a setting, at most."""
TEST = "two-sided paired t-test over seeds"


def paired_p(differences: Sequence[float | None]) -> float | None:
    """The p-value of a two-sided paired t-test.

    Args:
        differences: one a seed; None = not measured, left out.

    Returns:
        p; 1 for differences that do not vary: runs that are the same by construction are no evidence; None with fewer
        than two.

    Example:
        >>> round(paired_p([0.01, 0.03, 0.02]), 4), paired_p([0.1, 0.1]), paired_p([0.1])
        (0.0742, 1.0, None)
    """
    found = spread(differences)
    if found is None or found.sd is None:
        return None
    if found.sd <= 1e-12 * max(1.0, abs(found.mean)):
        return 1.0
    return float(2 * stdtr(found.n - 1, -abs(found.mean) * math.sqrt(found.n) / found.sd))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm-Bonferroni: p-values as they stand among all of them.

    Args:
        ps: one a comparison; None = not compared, no comparison.

    Returns:
        Adjusted p-values in the same order: where one is at most alpha, the chance of one false win or more is too.

    Example:
        >>> holm([0.01, None, 0.04, 0.03])
        [0.03, None, 0.06, 0.06]
    """
    order = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    found: list[float | None] = [None] * len(ps)
    so_far = 0.0
    for done, (p, place) in enumerate(order):
        so_far = max(so_far, min((len(order) - done) * p, 1.0))
        found[place] = so_far
    return found
