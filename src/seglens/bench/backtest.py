"""Forecasts of rounds that are known by now: how far finished runs strayed from what would have been expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seglens.bench.figures import RunFigures
from seglens.bench.sources import Source
from seglens.functional.forecast import conformal, expected, rising, unrest
from seglens.types import FloatArray, SeglensError


@dataclass(frozen=True)
class Told:
    """One round that was told from those before it; mIoU everywhere.

    ``trend`` is what the last value and the slope of the last step would have told, ``last`` the last value alone,
    ``unrest`` how far the curve could be thought to move; ``preset`` is what the row started from.
    """

    file: str
    row: str
    preset: str
    expected: float
    trend: float
    last: float
    unrest: float
    truth: float

    @property
    def strayed(self) -> float:
        """Truth less expected, in units of the unrest."""
        return (self.truth - self.expected) / self.unrest


@dataclass(frozen=True)
class Score:
    """How well points were told: share inside their 80 % interval, mean absolute errors and the interval's mean width
    in mIoU, and how many points."""

    coverage: float
    mae: float
    mae_trend: float
    mae_last: float
    width: float
    points: int


def tell(sources: Sequence[Source], steps: int = 1) -> list[Told]:
    """Every round of finished runs, told from all rounds up to ``steps`` before it, at least two, at its own clicks."""
    return [
        _told((source.name, row, run.preset or row), curve, known, steps)
        for source in sources
        for row, runs in source.rows.items()
        for run in runs
        for curve in (curve_of(run),)
        for known in range(2, len(curve[0]) - steps + 1)
    ]


def curve_of(run: RunFigures) -> tuple[FloatArray, FloatArray]:
    """Clicks and mIoU of the rounds that were measured; of rounds that cost no click more, the last."""
    return rising([(r.clicks, r.miou) for r in run.rounds if r.miou is not None])


def _told(whose: tuple[str, str, str], curve: tuple[FloatArray, FloatArray], known: int, steps: int) -> Told:
    spent, miou = (values[:known] for values in curve)
    at, truth = (values[known + steps - 1 : known + steps] for values in curve)
    trend = miou[-1] + (miou[-1] - miou[-2]) / (spent[-1] - spent[-2]) * (at - spent[-1])
    figures = (expected(spent, miou, at), trend, miou[-1:], unrest(spent, miou, at), truth)
    return Told(*whose, *(float(values[0]) for values in figures))


def quantiles(points: Sequence[Told]) -> tuple[float, float]:
    """What an 80 % interval is made of: how far below and above the expected, in units of the unrest.

    Raises:
        SeglensError: no point.
    """
    if not points:
        raise SeglensError("no run has three measured rounds of rising clicks: nothing to measure a forecast by")
    return conformal(np.array([one.strayed for one in points]))


def score(points: Sequence[Told], ends: Callable[[Told], tuple[float, float]]) -> Score:
    """How well points were told, with the quantiles that ``ends`` gives for each."""
    low, high = np.array([ends(one) for one in points]).T
    strayed, wide = (np.array([getattr(one, name) for one in points]) for name in ("strayed", "unrest"))
    return Score(
        coverage=float(((low <= strayed) & (strayed <= high)).mean()),
        mae=float(np.mean([abs(one.truth - one.expected) for one in points])),
        mae_trend=float(np.mean([abs(one.truth - one.trend) for one in points])),
        mae_last=float(np.mean([abs(one.truth - one.last) for one in points])),
        width=float(((high - low) * wide).mean()),
        points=len(points),
    )


def left_out(points: Sequence[Told], key: Callable[[Told], str]) -> Callable[[Told], tuple[float, float]]:
    """Quantiles for each point from the points of all other keys: leaving one preset, or one file, out.

    Raises:
        SeglensError: there is one key alone.
    """
    found = {name: quantiles([one for one in points if key(one) != name]) for name in dict.fromkeys(map(key, points))}
    return lambda one: found[key(one)]
