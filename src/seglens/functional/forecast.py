"""What a learning curve will be: a few saturating families, combined, and how far curves have strayed from that.

A curve is what was spent, (n,) and rising, and the mIoU measured there, (n,); n is at least 2. Spent is in any unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from seglens.types import FloatArray

Family: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""(spent, mIoU, where to look) to mIoU there."""

DAMPING = 0.4
"""What is left of a trend one step later."""
DOUBT = 0.01
"""Error, mIoU, below which one family is not taken to be better than another."""
LUCK = 0.015
"""How much of its movement, mIoU, a curve owes to training again: added to what its steps show."""
QUANTILES = (-0.5, 0.61)
"""What 80 % of the bench's curves strayed within, in units of their unrest: ``benchmarks/forecast.py`` finds them."""


def rising(points: Sequence[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """A curve of (spent, mIoU) in the order of rounds; of rounds that spent nothing more, the last.

    Rounds before anything is spent are left out.

    Example:
        >>> [values.tolist() for values in rising([(1, 0.3), (2, 0.4), (2, 0.5)])]
        [[1.0, 2.0], [0.3, 0.5]]
    """
    kept = {spent: miou for spent, miou in points if spent > 0}
    return np.array(list(kept), np.float64), np.array(list(kept.values()), np.float64)


def _curve(shape: Callable[[FloatArray], FloatArray]) -> Family:
    """The family level + rise x shape, rise not below 0, moved halfway to what was measured last.

    ``shape`` rises and is read at spent over all that is spent so far.
    """

    def fitted(spent: FloatArray, miou: FloatArray, at: FloatArray) -> FloatArray:
        seen, asked = shape(spent / spent[-1]), shape(at / spent[-1])
        off = seen - seen.mean()
        rise = max(float(off @ miou) / float(off @ off), 0.0)
        last = miou.mean() + rise * off[-1]
        values: FloatArray = miou.mean() + rise * (asked - seen.mean()) + (miou[-1] - last) / 2
        return values

    return fitted


def damped_trend(spent: FloatArray, miou: FloatArray, at: FloatArray) -> FloatArray:
    """The last value and the last two steps' mean trend, which loses 1 - ``DAMPING`` of itself each step.

    Example:
        >>> curve = np.array([1.0, 2.0]), np.array([0.3, 0.4])
        >>> damped_trend(*curve, np.array([3.0, 4.0])).round(3).tolist()
        [0.44, 0.456]
    """
    steps = steps_ahead(spent, at)
    left = DAMPING * (1 - DAMPING**steps) / (1 - DAMPING)
    values: FloatArray = miou[-1] + np.diff(miou)[-2:].mean() * left
    return values


FAMILIES: Mapping[str, Family] = {
    "power law": _curve(lambda part: -(part**-0.5)),
    "exponential": _curve(lambda part: -np.exp(-part)),
    "log-linear": _curve(np.log),
    "damped trend": damped_trend,
}
"""Shapes are fixed, for a handful of noisy rounds tells level and rise but no exponent."""


def steps_ahead(spent: FloatArray, at: FloatArray) -> FloatArray:
    """How many steps, of the size of the last two, lie between what is spent and ``at``, (m,)."""
    ahead: FloatArray = (at - spent[-1]) / np.diff(spent)[-2:].mean()
    return ahead


def family_weights(spent: FloatArray, miou: FloatArray) -> dict[str, float]:
    """How much each family counts, by how well it told the last point from those before; they sum to 1.

    Two points leave one, which tells nothing: then all count the same.
    """
    errors = dict.fromkeys(FAMILIES, 0.0)
    if len(spent) > 2:
        before = spent[:-1], miou[:-1], spent[-1:]
        errors = {name: float(family(*before)[0] - miou[-1]) for name, family in FAMILIES.items()}
    votes = {name: 1 / (error**2 + DOUBT**2) for name, error in errors.items()}
    return {name: vote / sum(votes.values()) for name, vote in votes.items()}


def expected(spent: FloatArray, miou: FloatArray, at: FloatArray) -> FloatArray:
    """mIoU to expect where ``at``, (m,), in the unit of ``spent``, is spent: (m,), within 0 to 1."""
    weights = family_weights(spent, miou)
    mixed = sum((weights[name] * family(spent, miou, at) for name, family in FAMILIES.items()), np.zeros(len(at)))
    within: FloatArray = np.clip(mixed, 0.0, 1.0)
    return within


def unrest(spent: FloatArray, miou: FloatArray, at: FloatArray) -> FloatArray:
    """How far the curve may move until ``at``, mIoU, (m,): the mean size of its last two steps plus ``LUCK``, times the
    cube root of the steps ahead.

    Less than one step ahead counts as one: a measurement is as uncertain however near it is.
    """
    size = float(np.abs(np.diff(miou)[-2:]).mean()) + LUCK
    moved: FloatArray = size * np.cbrt(np.maximum(steps_ahead(spent, at), 1.0))
    return moved


def interval(spent: FloatArray, miou: FloatArray, at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Low and high end of the 80 % interval of the mIoU where ``at``, (m,), is spent: (m,) each, within 0 to 1."""
    middle, moved = expected(spent, miou, at), unrest(spent, miou, at)
    low, high = (np.clip(middle + end * moved, 0.0, 1.0) for end in QUANTILES)
    return low, high


def conformal(strayed: FloatArray, level: float = 0.8) -> tuple[float, float]:
    """The quantiles that a next value falls between with probability ``level``, half of the rest on either side.

    Args:
        strayed: (n,), what past curves strayed by, in units of their unrest.
        level: within 0 to 1.

    Returns:
        Low and high: the k-th lowest and highest, k = floor((n + 1)(1 - level) / 2), at least 1.

    Example:
        >>> conformal(np.arange(1.0, 20.0))
        (2.0, 18.0)
    """
    ordered = np.sort(strayed)
    k = max(math.floor((len(ordered) + 1) * (1 - level) / 2 + 1e-9), 1)
    return float(ordered[k - 1]), float(ordered[-k])
