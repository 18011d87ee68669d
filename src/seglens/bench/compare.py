"""Two learning curves at equal cost: pure functions of costs and mIoU."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seglens.types import FloatArray


@dataclass(frozen=True)
class Curve:
    """mIoU over cost, both (P,) float64; costs rise strictly."""

    costs: FloatArray
    values: FloatArray


@dataclass(frozen=True)
class Difference:
    """A curve less its reference over the costs that both reach.

    ``low`` and ``high`` bound those costs; ``mean`` is the area between the curves over ``high - low`` (at a single
    common cost: the difference there); ``end`` is the difference at ``high``.
    """

    low: float
    high: float
    mean: float
    end: float


@dataclass(frozen=True)
class Spread:
    """Mean of ``n`` values, and their sample standard deviation (None for a single value)."""

    mean: float
    sd: float | None
    n: int


def curve(costs: Sequence[float], values: Sequence[float | None]) -> Curve:
    """The learning curve of a run.

    Args:
        costs: cumulative cost after each round, never falling.
        values: mIoU after each round; None = not measured, left out.

    Returns:
        The curve. Of rounds at the same cost (a machine's answers are free) the last counts.

    Example:
        >>> curve([10, 10, 20, 30], [0.1, 0.2, None, 0.4])
        Curve(costs=array([10., 30.]), values=array([0.2, 0.4]))
    """
    kept = {float(cost): float(value) for cost, value in zip(costs, values, strict=True) if value is not None}
    at = sorted(kept)
    return Curve(np.array(at, np.float64), np.array([kept[cost] for cost in at], np.float64))


def difference(one: Curve, reference: Curve) -> Difference | None:
    """``one`` less ``reference`` at equal cost, both taken as piecewise linear.

    Args:
        one: a curve.
        reference: what it is compared with.

    Returns:
        The difference, or None where no cost is reached by both: there is no overlap.

    Example:
        >>> difference(curve([0, 10], [0.0, 1.0]), curve([5, 15], [0.0, 0.0]))
        Difference(low=5.0, high=10.0, mean=0.75, end=1.0)
    """
    if not len(one.costs) or not len(reference.costs):
        return None
    low = float(max(one.costs[0], reference.costs[0]))
    high = float(min(one.costs[-1], reference.costs[-1]))
    if low > high:
        return None
    knots = np.union1d(one.costs, reference.costs)
    knots = np.union1d(knots[(knots > low) & (knots < high)], [low, high])
    gap = np.interp(knots, one.costs, one.values) - np.interp(knots, reference.costs, reference.values)
    # between knots both are straight, so the trapezoids are exact
    area = float((np.diff(knots) * (gap[1:] + gap[:-1]) / 2).sum())
    return Difference(low, high, area / (high - low) if high > low else float(gap[-1]), float(gap[-1]))


def spread(values: Sequence[float | None]) -> Spread | None:
    """Mean and sample standard deviation of what is known of ``values``; None where nothing is.

    Example:
        >>> spread([1.0, 3.0, None]), spread([2.0]), spread([])
        (Spread(mean=2.0, sd=1.4142135623730951, n=2), Spread(mean=2.0, sd=None, n=1), None)
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Spread(float(np.mean(known)), sd, len(known))


def paired(one: Mapping[int, Curve], reference: Mapping[int, Curve]) -> dict[int, Difference | None]:
    """The difference of each seed that both rows have, by seed.

    Args:
        one: the curves of a row, by seed.
        reference: those of the reference.

    Returns:
        Seed to difference; None = no overlap.
    """
    return {seed: difference(one[seed], reference[seed]) for seed in sorted(one) if seed in reference}


def is_geometric(costs: Sequence[float]) -> bool:
    """Whether costs grow by a common factor: three or more, each step within a fifth of the mean factor.

    Few steps that are equal look alike in logarithms too, so the steps themselves have to grow as well.

    Example:
        >>> is_geometric([100, 200, 400, 800]), is_geometric([150, 450, 750, 1050]), is_geometric([1, 2])
        (True, False, False)
    """
    if len(costs) < 3 or min(costs) <= 0 or (np.diff(costs) <= 0).any():
        return False
    factors = np.diff(np.log(np.asarray(costs, np.float64)))
    factor = float(factors.mean())
    growth = float(np.diff(np.log(np.diff(costs))).mean())
    even = bool((np.abs(factors - factor) <= math.log(1.2)).all())
    return even and factor > math.log(1.25) and growth > factor / 2
