"""The area under a budget curve, and what a row saves: pure functions of curves.

Reference: Ash et al., Deep batch active learning by diverse, uncertain gradient lower bounds (ICLR 2020), and the
protocol of nnActive (TMLR 2025): area under the budget curve (AUBC).
"""

from __future__ import annotations

import numpy as np

from seglens.bench.compare import Curve, first_crossing

SLACK = 0.01
"""A curve that ends or begins less than this share of a budget beside it counts there by its end: answers that are
paid by what they turn out to cost rarely meet a budget to the click."""


def in_logs(one: Curve) -> Curve:
    """The curve over the natural logarithm of its costs, for geometric budgets; what was free is left out."""
    paid = one.costs > 0
    return Curve(np.log(one.costs[paid]), one.values[paid])


def area(one: Curve) -> float | None:
    """Area under the budget curve by trapezoids, over its length: a constant curve gives its constant.

    Args:
        one: the curve; of a single point that point's value is the area.

    Returns:
        In the unit of the values; None for an empty curve.

    Example:
        >>> area(Curve(np.array([10.0, 20.0, 40.0]), np.array([0.2, 0.4, 0.4])))
        0.36666666666666664
    """
    if not len(one.costs):
        return None
    length = float(one.costs[-1] - one.costs[0])
    if not length:
        return float(one.values[-1])
    return float((np.diff(one.costs) * (one.values[1:] + one.values[:-1]) / 2).sum()) / length


def value_at(one: Curve, cost: float) -> float | None:
    """The value at a cost, the curve taken as piecewise linear; None where the curve does not come near.

    Example:
        >>> one = Curve(np.array([10.0, 20.0]), np.array([0.2, 0.4]))
        >>> value_at(one, 15), value_at(one, 20.1), value_at(one, 21)
        (0.30000000000000004, 0.4, None)
    """
    if not len(one.costs) or not one.costs[0] - SLACK * cost <= cost <= one.costs[-1] + SLACK * cost:
        return None
    return float(np.interp(cost, one.costs, one.values))


def saving(one: Curve, reference: Curve) -> float | None:
    """The share of the reference's cost that is saved on the way to where the reference ends.

    Args:
        one: a curve.
        reference: usually chance.

    Returns:
        1 - B_one(y) / B_reference(y), y the reference's last value, B the cost that first reaches it; below 0 where
        more is spent; None = not reached.

    Example:
        >>> chance = Curve(np.array([10.0, 20.0]), np.array([0.2, 0.4]))
        >>> saving(Curve(np.array([10.0, 20.0]), np.array([0.2, 0.6])), chance)
        0.25
    """
    if not len(reference.values):
        return None
    target = float(reference.values[-1])
    mine, theirs = first_crossing(one, target), first_crossing(reference, target)
    return None if mine is None or not theirs else 1 - mine / theirs
