"""Further drawings: learning curves with the deviation over seeds, and mIoU over the level of noise.

Reference: CPRAL (arXiv 2112.05975), Fig. 5 to 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from seglens.bench.figures import RunFigures
from seglens.bench.noise import noise_lines
from seglens.bench.panels import STYLE, Look, by_round, finish, full_line, look, seeds, written
from seglens.bench.plan import FULL, DrawingPlan, TablePlan
from seglens.bench.reach import SHARE
from seglens.bench.results import COSTS, Results
from seglens.types import FloatArray

LEVELS = {"p90": SHARE, "p100": 1.0}
"""Lines of a drawing: what share of full supervision's mIoU each is."""
MANY = 4
"""With more curves than this, bands of deviation would cover each other: bars stand at the points instead."""


def draw_lines(plan: DrawingPlan, results: Results) -> bytes:
    """The drawing: mean mIoU over mean cost of each row, with the sample deviation over seeds.

    Rows without a finished run are left out. Full supervision, where it is among the rows, is no curve.
    """
    rows = [row for row in plan.rows if row in results.rows and row != FULL]
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(7.2, 4.2), layout="constrained")
        panel = drawing.subplots()
        panel.set_title(plan.title, fontsize=10, loc="left")
        for number, row in enumerate(rows):
            dashed = row in plan.dashed
            order = [name for name in plan.rows if (name in plan.dashed) == dashed].index(row)
            _curve(panel, results, row, plan, (look(order), dashed), number - (len(rows) - 1) / 2, len(rows) > MANY)
        finish(panel, COSTS[plan.axis].label)
        _levels(panel, plan, results)
        return written(drawing, panel, beside=True)


def draw_noise(table: TablePlan, results: Results) -> bytes:
    """mIoU in the last round over the share of wrong answers, a line for each line of the table."""
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(6.2, 3.8), layout="constrained")
        panel = drawing.subplots()
        for number, (line, levels) in enumerate(noise_lines(table, results).items()):
            color, marker = look(number)
            found = {level: _last(results.rows[row]) for level, row in levels.items()}
            known = {level: values for level, values in found.items() if len(values)}
            panel.errorbar(
                [level + 0.4 * number for level in known],  # side by side: bars on top of each other cannot be read
                [values.mean() for values in known.values()],
                [_deviation(values[:, None])[0] for values in known.values()],
                color=color,
                marker=marker,
                ms=4,
                capsize=2,
                elinewidth=0.8,
                label=line,
            )
        full_line(panel, results)
        finish(panel, "wrong answers, %")
        return written(drawing, panel, beside=True)


def _last(runs: Sequence[RunFigures]) -> FloatArray:
    return np.array([run.last.miou for run in runs if run.last.miou is not None], np.float64)


def _deviation(values: FloatArray) -> FloatArray:
    """The sample deviation over the first axis; 0 for a single seed."""
    return values.std(0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1:])


def _curve(
    panel: Axes, results: Results, row: str, plan: DrawingPlan, how: tuple[Look, bool], place: float, bars: bool
) -> None:
    """One row's curve; ``how``: its look and whether it is dashed, ``place``: from the middle of the rows."""
    (color, marker), dashed = how
    costs, found = by_round(results.rows[row], COSTS[plan.axis])
    if not found.size:
        return
    mean, sd, xs = found.mean(0), _deviation(found), costs.mean(0)
    label = f"{row} ({seeds(results.rows[row])})"
    line = panel.plot(xs, mean, marker=marker, ms=4, lw=1.3, color=color, label=label)[0]
    if dashed:
        line.set_linestyle("--")
        line.set_markerfacecolor("white")
    if not bars:
        panel.fill_between(xs, mean - sd, mean + sd, color=color, alpha=0.14, lw=0)
        return
    aside = 0.004 * float(np.ptp(xs)) * place  # bars side by side
    panel.errorbar(xs + aside, mean, sd, fmt="none", ecolor=color, elinewidth=0.7, capsize=1.5, alpha=0.6)


def _levels(panel: Axes, plan: DrawingPlan, results: Results) -> None:
    if results.full_miou is None:
        return
    for name in plan.lines:
        level = LEVELS[name] * results.full_miou
        panel.axhline(level, color="#555555", ls=":" if name == "p90" else "-.", lw=1)
        panel.annotate(
            f"{name}: {100 * level:.1f}",
            (0, level),
            xycoords=("axes fraction", "data"),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=8,
            color="#333333",
        )
