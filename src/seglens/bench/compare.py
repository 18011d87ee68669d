"""Learning curves at equal cost, what they need to reach a mIoU, and when a difference is one: pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from seglens.types import FloatArray

NO_VERDICT = "no verdict"
SEEDS_FOR_A_VERDICT = 10
"""With a deviation of 0.6 points between pairs, ten seeds tell 0.43 points from nothing; three tell 1.5."""


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


@dataclass(frozen=True)
class Interval:
    """Paired differences of ``n`` seeds: their mean, its 95 % interval (None where there is none), and the verdict.

    ``verdict`` is ``better`` or ``worse`` (higher or lower than the other), or ``no verdict``.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    verdict: str


def interval(values: Sequence[float | None], level: float = 0.95) -> Interval | None:
    """Whether paired differences differ from 0.

    Args:
        values: a difference a seed; None = not measured, left out.
        level: the share of such intervals that hold the true mean, where differences are normal.

    Returns:
        The interval of Student's t. There is none for a single seed, nor for differences that are all equal: runs that
        are the same by construction are no evidence. Without an interval, with fewer than ``SEEDS_FOR_A_VERDICT``
        seeds, or where 0 lies inside, there is no verdict. None where nothing was measured.

    Example:
        >>> found = interval([0.01, 0.03, 0.02])
        >>> round(found.low, 4), round(found.high, 4), found.verdict
        (-0.0048, 0.0448, 'no verdict')
    """
    found = spread(values)
    if found is None:
        return None
    if found.sd is None or found.sd <= 1e-12 * max(1.0, abs(found.mean)):
        return Interval(found.mean, None, None, found.n, NO_VERDICT)
    half = float(stdtrit(found.n - 1, (1 + level) / 2)) * found.sd / math.sqrt(found.n)
    low, high = found.mean - half, found.mean + half
    verdict = NO_VERDICT
    if found.n >= SEEDS_FOR_A_VERDICT and not low <= 0 <= high:
        verdict = "better" if found.mean > 0 else "worse"
    return Interval(found.mean, low, high, found.n, verdict)


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


def first_crossing(one: Curve, target: float) -> float | None:
    """The cost at which a curve first reaches ``target``, taken as piecewise linear.

    Args:
        one: a curve.
        target: mIoU.

    Returns:
        The cost; that of the first point where the curve starts there already; None = not reached.

    Example:
        >>> first_crossing(curve([10, 20, 30], [0.2, 0.4, 0.3]), 0.35), first_crossing(curve([1], [0.2]), 0.3)
        (17.5, None)
    """
    reached = np.flatnonzero(one.values >= target)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(one.costs[0])
    # the point before lies below the target, so the piece rises
    return float(np.interp(target, one.values[at - 1 : at + 1], one.costs[at - 1 : at + 1]))


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
