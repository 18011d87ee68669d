"""Further drawings: learning curves with the deviation over seeds, and mIoU over the level of noise.

Reference: CPRAL (arXiv 2112.05975), Fig. 5 to 8.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from seglens.bench.axes import COSTS, Cost, priced
from seglens.bench.figures import RunFigures
from seglens.bench.noise import noise_lines
from seglens.bench.panels import (
    BLACK,
    MANY,
    STYLE,
    YLABEL,
    End,
    Look,
    by_round,
    end_labels,
    finish,
    full_line,
    look,
    row_labels,
    row_look,
    seeds,
    written,
)
from seglens.bench.plan import FULL, DrawingPlan, TablePlan
from seglens.bench.results import Results
from seglens.types import FloatArray

LEVELS = {"p90": 0.9, "p95": 0.95, "p100": 1.0}
"""Lines of a drawing: what share of full supervision's mIoU each is."""


def draw_lines(plan: DrawingPlan, results: Results) -> bytes:
    """The drawing: mean mIoU over mean cost of each row, with the sample deviation over seeds.

    Rows without a finished run are left out. Full supervision, where it is among the rows, is no curve. Few rows have
    bands of deviation and a legend; of many, bands would cover each other: they have bars, and names at their ends.
    Where the price of a vertex is swept, the panels stand below each other on the same axis.
    """
    rows = [row for row in plan.rows if row in results.rows and row != FULL]
    costs: list[Cost] = [*map(priced, plan.vertex_seconds)] or [COSTS[plan.axis]]
    many = len(rows) > MANY
    with mpl.rc_context(STYLE):
        drawing, panels = _panels(plan.title, len(costs))
        found = [_curves(panel, results, rows, plan, cost, many) for panel, cost in zip(panels, costs, strict=True)]
        for panel, cost, ends in zip(panels, costs, found, strict=True):
            finish(panel, cost.label)
            panel.set_ylabel(YLABEL)
            _levels(panel, plan, results)
            if many:
                end_labels(panel, ends)
        return written(drawing, panels[0], beside=True, legend=not many)


def draw_noise(table: TablePlan, results: Results) -> bytes:
    """mIoU in the last round over the share of wrong answers, a line for each line of the table.

    A line stands on the seeds that all of its levels have, so that its slope is the noise's and not the seeds'.
    """
    with mpl.rc_context(STYLE):
        drawing, (panel,) = _panels(table.title)
        lines = noise_lines(table, results)
        for number, (line, levels) in enumerate(lines.items()):
            color, marker = look(number)
            shared = set.intersection(*({run.seed for run in results.rows[row]} for row in levels.values()))
            found = {level: _last(results.rows[row], shared) for level, row in levels.items()}
            known = {level: values for level, values in found.items() if len(values)}
            panel.errorbar(
                [level + 0.4 * (number - (len(lines) - 1) / 2) for level in known],  # bars side by side
                [values.mean() for values in known.values()],
                [_deviation(values[:, None])[0] for values in known.values()],
                color=color,
                marker=marker,
                ms=4,
                capsize=2,
                elinewidth=0.8,
                label=f"{line} ({seeds(len(shared))})",
            )
        full_line(panel, results)
        finish(panel, "wrong answers, %")
        panel.set_xticks(sorted({level for levels in lines.values() for level in levels}))
        return written(drawing, panel, beside=True)


def row_looks(plan: DrawingPlan, reference: str | None) -> dict[str, tuple[Look, bool]]:
    """Colour and marker of each row, and whether it is dashed; the reference is black in every drawing, and dashed
    where that says nothing else."""
    found: dict[str, tuple[Look, bool]] = {}
    for dashed in (False, True):
        rows = [row for row in plan.rows if (row in plan.dashed) == dashed and row != reference]
        found |= {row: (row_look(n), dashed) for n, row in enumerate(rows)}
    if reference is not None:
        found[reference] = ((BLACK, "x"), reference in plan.dashed or not plan.dashed)
    return found


def _panels(title: str, count: int = 1) -> tuple[Drawing, list[Axes]]:
    drawing = Drawing(figsize=(7.2, 4.2 * count), layout="constrained")
    panels = list(drawing.subplots(count, 1, sharex=True, sharey=True, squeeze=False).ravel())
    panels[0].set_title(title, fontsize=10, loc="left")
    return drawing, panels


def _last(runs: Sequence[RunFigures], among: Set[int]) -> FloatArray:
    return np.array([run.last.miou for run in runs if run.last.miou is not None and run.seed in among], np.float64)


def _deviation(values: FloatArray) -> FloatArray:
    """The sample deviation over the first axis; 0 for a single seed."""
    return values.std(0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1:])


def _curves(panel: Axes, results: Results, rows: Sequence[str], plan: DrawingPlan, cost: Cost, many: bool) -> list[End]:
    """The curves of a panel; returns where they end, with the rows' names."""
    looks = row_looks(plan, results.plan.reference)
    names = row_labels({row: results.rows[row] for row in rows})
    ends = []
    for number, row in enumerate(rows):
        place = number - (len(rows) - 1) / 2 if many else None
        ends += [(x, y, names[row], c) for x, y, c in _curve(panel, results.rows[row], row, cost, looks[row], place)]
    return ends


def _curve(
    panel: Axes, runs: Sequence[RunFigures], row: str, cost: Cost, how: tuple[Look, bool], place: float | None
) -> list[tuple[float, float, str]]:
    """One row's curve; ``how``: its look and whether it is dashed; ``place``: of its bars, from the middle of the rows;
    None = a band. Returns where it ends, with its colour; nothing where nothing is drawn."""
    (color, marker), dashed = how
    costs, found = by_round(runs, cost)
    if not found.size or np.isnan(costs).any():
        return []
    mean, sd, xs = found.mean(0), _deviation(found), costs.mean(0)
    label = f"{row} ({seeds(len(runs))})"
    line = panel.plot(xs, mean, marker=marker, ms=4, lw=1.3, color=color, label=label)[0]
    if dashed:
        line.set_linestyle("--")
        line.set_markerfacecolor("white")
    if place is None:
        panel.fill_between(xs, mean - sd, mean + sd, color=color, alpha=0.14, lw=0)
    else:
        aside = 0.004 * float(np.ptp(xs)) * place  # bars side by side
        panel.errorbar(xs + aside, mean, sd, fmt="none", ecolor=color, elinewidth=0.7, capsize=1.5, alpha=0.6)
    return [(float(xs[-1]), float(mean[-1]), color)]


def _levels(panel: Axes, plan: DrawingPlan, results: Results) -> None:
    if results.full_miou is None:
        return
    for name in plan.lines:
        level = LEVELS[name] * results.full_miou
        panel.axhline(level, color="#555555", ls="-." if name == "p100" else ":", lw=1)
        panel.annotate(
            f"{name}: {level:.3f}",
            (0, level),
            xycoords=("axes fraction", "data"),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=8,
            color="#333333",
        )
