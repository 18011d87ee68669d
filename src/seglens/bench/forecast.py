"""What a run's next rounds should bring, read from the run's folder, and whether they are worth their clicks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglens.config import RunConfig
from seglens.functional.forecast import expected, interval, rising
from seglens.loop import Workbench, load_config
from seglens.loop.budget import charged
from seglens.store import Repository
from seglens.types import Cost, FloatArray, SeglensError, Unit

ROUNDS = 10
"""How many steps of N the advice looks ahead."""
FINE = 50
"""Places in a step at which the target is looked for."""
COSTS = ("clicks", "pixels", "person_seconds")


@dataclass(frozen=True)
class History:
    """A run's measured rounds: what was spent in the budget's unit and mIoU, (n,) each; clicks of one unit, as the last
    round had it."""

    run: str
    config: RunConfig
    spent: FloatArray
    miou: FloatArray
    clicks_per_unit: float


@dataclass(frozen=True)
class Step:
    """``spent`` in all, in the budget's unit; the mIoU to expect there and its 80 % interval; ``gain`` is that of the
    expected curve since the step before."""

    spent: float
    miou: float
    low: float
    high: float
    gain: float


@dataclass(frozen=True)
class Outlook:
    """What comes next.

    ``ahead`` are ten steps of ``step`` units, the first the one asked for. ``asked`` is the mIoU that each must bring
    to be worth its clicks, None where nothing is asked; ``worth_until`` the spent up to which all do, None where all
    ten do. ``target_at`` is where the expected curve reaches the target, None within ten steps not.
    """

    history: History
    step: float
    ahead: tuple[Step, ...]
    asked: float | None
    worth_until: float | None
    target: float | None
    target_at: float | None


def read_history(folder: Path) -> History:
    """The measured rounds of the run in ``folder``.

    Raises:
        SeglensError: no run, one without evaluation, or less than two measured rounds that each spent something.
    """
    config = load_config(folder)
    if config.eval_data is None and not config.audit_set.images:
        raise SeglensError(
            f"{folder}: keys 'eval_data' and 'audit_set': a run without either is never measured, nothing can be "
            "forecast"
        )
    costs, miou, questions = _figures(folder, "audit_miou" if config.eval_data is None else "miou")
    unit, per_unit = config.budget.unit, _unit_pixels(config, folder)
    points = {charged(costs[r], questions[r], unit, per_unit): r for r in miou}
    spent, quality = rising([(point, miou[r]) for point, r in points.items()])
    if len(spent) < 2:
        raise SeglensError(
            f"{folder}: a forecast needs 2 measured rounds that each spent {unit.value}, found {len(spent)}"
        )
    before, last = (costs[points[point]].clicks for point in spent[-2:].tolist())
    return History(str(folder), config, spent, quality, (last - before) / float(spent[-1] - spent[-2]))


def _figures(folder: Path, quality: str) -> tuple[dict[int, Cost], dict[int, float], dict[int, int]]:
    """Of each measured round what was spent, the mIoU against native truth, and the questions asked so far."""
    repo = Repository.of_run(folder)
    try:
        figures = {(m.round, m.name, m.truth): m.value for m in repo.metrics() if m.class_index == -1}
        asked = [query.round for query in repo.queries()]
    finally:
        repo.close()
    rounds = sorted({r for r, _, _ in figures})
    miou = {r: value for r in rounds if (value := figures.get((r, quality, "native"))) is not None}
    costs = {r: Cost(*(figures[r, name, ""] or 0.0 for name in COSTS)) for r in miou}
    return costs, miou, {r: sum(of <= r for of in asked) for r in miou}


def _unit_pixels(config: RunConfig, folder: Path) -> float:
    """Pixels in one unit; only where the unit is made of them the data are opened."""
    in_images = config.budget.unit in (Unit.IMAGE_EQUIVALENTS, Unit.POOL_SHARE)
    return Workbench(config, folder).unit_pixels if in_images else 1.0


def look_ahead(history: History, step: float | None = None, worth: float | None = None) -> Outlook:
    """What the next rounds should bring.

    Args:
        history: of the run.
        step: how much more is spent, in the budget's unit; default: the budget of a round.
        worth: mIoU points that 1,000 clicks must bring.

    Raises:
        SeglensError: a step that is not above 0.
    """
    budget = history.config.budget
    step = budget.per_round if step is None else step
    if not 0 < step < float("inf"):
        raise SeglensError(f"--clicks: found {step:g}; give a number of {budget.unit.value} above 0")
    ahead = _steps(history, step)
    asked = None if worth is None else worth / 100 * step * history.clicks_per_unit / 1000
    return Outlook(
        history,
        step,
        ahead,
        asked,
        None if asked is None else _worth_until(history, ahead, asked),
        budget.target_miou,
        None if budget.target_miou is None else _target_at(history, step, budget.target_miou),
    )


def _steps(history: History, step: float) -> tuple[Step, ...]:
    curve = history.spent, history.miou
    at = history.spent[-1] + step * np.arange(ROUNDS + 1)
    middle, (low, high) = expected(*curve, at), interval(*curve, at)
    rows = np.column_stack([at[1:], middle[1:], low[1:], high[1:], np.diff(middle)])
    return tuple(Step(*row) for row in rows.tolist())


def _worth_until(history: History, ahead: tuple[Step, ...], asked: float) -> float | None:
    """What is spent before the first step that brings less than is asked of it."""
    places = [float(history.spent[-1]), *(step.spent for step in ahead)]
    return next((place for place, step in zip(places, ahead, strict=False) if step.gain < asked), None)


def _target_at(history: History, step: float, target: float) -> float | None:
    """Where the expected curve reaches the target; what is spent now where a measured round did."""
    if history.miou.max() >= target:
        return float(history.spent[history.miou >= target][0])
    at = history.spent[-1] + step * np.arange(1, ROUNDS * FINE + 1) / FINE
    reached = at[expected(history.spent, history.miou, at) >= target]
    return float(reached[0]) if len(reached) else None
