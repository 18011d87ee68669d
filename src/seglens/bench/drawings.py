"""Curves as SVG: mIoU against every cost side by side, and sweeps. Equal results give equal files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from seglens.bench.compare import is_geometric
from seglens.bench.figures import RunFigures
from seglens.bench.kinds import initial_share, sweep_groups
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import COSTS, Cost, Results
from seglens.types import FloatArray

STYLE: dict[Any, Any] = {"svg.hashsalt": "seglens", "svg.fonttype": "none", "font.size": 9}
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f3c8d")
MARKERS = "os^Dv<>P"
FAR = 4.0
"""A cost this many times the reference's is off its axis: drawn in, it would squeeze every other row to a line."""


def draw_curves(results: Results) -> bytes:
    """mIoU of the drawn rows against each axis, every run on every axis: the mean over seeds, each seed thin.

    An axis is logarithmic only where the budgets grow by a common factor. It ends a little after the reference's last
    cost where other rows go ``FAR`` times as far; the picture says which rows it cuts, and where they end.
    """
    named = results.plan.curves or [row.name for row in results.plan.rows if row.group is None]
    rows = [row for row in named or [r.name for r in results.plan.rows] if row in results.rows and row != FULL]
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(4.5 * len(results.plan.axes), 3.8), layout="constrained")
        panels = drawing.subplots(1, len(results.plan.axes), sharey=True, squeeze=False)[0]
        for panel, axis in zip(panels, results.plan.axes, strict=True):
            for number, row in enumerate(rows):
                _curve(panel, results.rows[row], COSTS[axis], _look(number), row)
            _scale(panel, results, COSTS[axis], rows)
            _finish(panel, results, COSTS[axis].label)
        return _written(drawing, panels[0])


def draw_sweep(table: TablePlan, results: Results) -> bytes:
    """mIoU in the last round against the initial share of labels, a line for each group of rows."""
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(5.5, 3.8), layout="constrained")
        panel = drawing.subplots()
        for number, (group, rows) in enumerate(sweep_groups(table, results).items()):
            xs = [100 * initial_share(results.rows[row]) for row in rows]
            found = [[run.last.miou for run in results.rows[row] if run.last.miou is not None] for row in rows]
            for x, values in zip(xs, found, strict=True):
                panel.plot([x] * len(values), values, "_", color=_look(number)[0], alpha=0.6)
            panel.plot(
                [x for x, values in zip(xs, found, strict=True) if values],
                [float(np.mean(values)) for values in found if values],
                marker=_look(number)[1],
                color=_look(number)[0],
                label=group,
            )
        _finish(panel, results, "pixels labelled in round 0, %")
        return _written(drawing, panel)


def _look(number: int) -> tuple[str, str]:
    return COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]


def _points(run: RunFigures, cost: Cost) -> tuple[list[float], list[float]]:
    known = [r for r in run.rounds if r.miou is not None]
    return [cost.scale * getattr(r, cost.key) for r in known], [r.miou for r in known if r.miou is not None]


def _mean(runs: Sequence[RunFigures], cost: Cost) -> tuple[FloatArray, FloatArray]:
    """Mean cost and mean mIoU of each round that every run has measured."""
    each = [_points(run, cost) for run in runs]
    shared = min(len(xs) for xs, _ in each)
    return np.mean([xs[-shared:] if shared else [] for xs, _ in each], 0), np.mean(
        [ys[-shared:] if shared else [] for _, ys in each], 0
    )


def _curve(panel: Axes, runs: Sequence[RunFigures], cost: Cost, look: tuple[str, str], name: str) -> None:
    color, marker = look
    if len(runs) > 1:
        for run in runs:
            panel.plot(*_points(run, cost), color=color, alpha=0.35, lw=0.8)
    label = f"{name} ({len(runs)} seed{'s' if len(runs) > 1 else ''})"
    panel.plot(*_mean(runs, cost), marker=marker, ms=4, color=color, label=label)


def _scale(panel: Axes, results: Results, cost: Cost, rows: Sequence[str]) -> None:
    means = {row: _mean(results.rows[row], cost)[0] for row in rows}
    means = {row: xs for row, xs in means.items() if len(xs)}
    long = [xs.tolist() for xs in means.values() if len(xs) > 2]
    if long and all(is_geometric(xs) for xs in long):
        panel.set_xscale("log")
        return
    ends = {row: float(xs[-1]) for row, xs in means.items()}
    end = ends.get(results.plan.reference or "", max(ends.values(), default=0.0))
    cut = [row for row, last in ends.items() if last > FAR * end > 0]
    if not cut:
        panel.set_xlim(left=0)
        return
    shown = [last for row, last in ends.items() if row not in cut]
    panel.set_xlim(0, 1.08 * max(shown))
    told = [f"{row}: {_number(means[row][0])} to {_number(ends[row])}" for row in cut]
    panel.text(0.98, 0.02, "\n".join(["beyond this axis:", *told]), transform=panel.transAxes, ha="right", fontsize=7)


def _number(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"


def _finish(panel: Axes, results: Results, label: str) -> None:
    if results.full_miou is not None:
        panel.axhline(results.full_miou, color="#777777", ls="--", lw=1, label=FULL)
    panel.set_xlabel(label)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.grid(alpha=0.2)


def _written(drawing: Drawing, first: Axes) -> bytes:
    first.set_ylabel("mIoU, native truth")
    handles, labels = first.get_legend_handles_labels()
    if handles:
        drawing.legend(handles, labels, loc="outside upper center", ncols=min(3, len(labels)), frameon=False)
    file = io.BytesIO()
    drawing.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
