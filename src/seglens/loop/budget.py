"""What a round may spend, in the run's unit."""

from __future__ import annotations

import numpy as np

from seglens.config import BudgetConfig
from seglens.types import Cost, FloatArray, Rows, Unit


def charged(cost: Cost, questions: int, unit: Unit, unit_pixels: float) -> float:
    """A cost in the budget's unit.

    Args:
        cost: what was paid for some questions.
        questions: how many (each is an image where the unit is images).
        unit: of the budget.
        unit_pixels: pixels in one unit: of a mean image (image equivalents) or of the pool (its share).
    """
    if unit is Unit.IMAGES:
        return float(questions)
    if unit is Unit.CLICKS:
        return cost.clicks
    if unit is Unit.SECONDS:
        return cost.seconds
    return cost.pixels if unit is Unit.PIXELS else cost.pixels / unit_pixels


def allowance(budget: BudgetConfig, round: int, spent: float, paid: float | None = None) -> float:
    """What round ``round`` may spend: all rounds' budgets up to it, less what the rounds before it took of them.

    What an earlier round left or overran carries over; ``total`` caps it; never below 0.

    Args:
        budget: of the run.
        round: which round is to ask.
        spent: what the rounds before it took of their budgets: what was paid or, where people answer, was planned.
        paid: what was really paid, which ``total`` goes by; None = the same.

    Example:
        >>> allowance(BudgetConfig(initial=100, per_round=50), 2, 130.0)
        70.0
        >>> allowance(BudgetConfig(initial=100, per_round=50, total=900), 2, 150.0, 880.0)
        20.0
    """
    due = budget.initial + round * budget.per_round - spent
    if budget.total is not None:
        due = min(due, budget.total - (spent if paid is None else paid))
    return max(0.0, due)


def row_costs(rows: Rows, estimates: FloatArray, unit: Unit, unit_pixels: float, most: float) -> FloatArray:
    """Estimated cost of each row in the budget's unit.

    Args:
        rows: R rows.
        estimates: (R, 2) clicks and seconds of each row.
        unit: of the budget.
        unit_pixels: pixels in one unit: of a mean image (image equivalents) or of the pool (its share).
        most: most pixels that an answer labels (a point: its cell).

    Returns:
        (R,) float64. Pixels count fresh ones only.
    """
    if unit is Unit.IMAGES:
        return np.ones(len(rows))
    if unit is Unit.CLICKS:
        return estimates[:, 0]
    if unit is Unit.SECONDS:
        return estimates[:, 1]
    pixels = np.minimum(rows.fresh, most).astype(np.float64)
    return pixels if unit is Unit.PIXELS else pixels / unit_pixels
