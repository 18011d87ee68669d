"""Curves as SVG: mIoU against every cost side by side, and sweeps. Equal results give equal files."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from seglens.bench.axes import COSTS, Cost
from seglens.bench.compare import is_geometric
from seglens.bench.figures import RunFigures
from seglens.bench.kinds import initial_share, sweep_groups
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
    full_end,
    full_line,
    look,
    points,
    row_labels,
    row_look,
    seeds,
    written,
)
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results

FAR = 4.0
"""A cost this many times the reference's is off its axis: drawn in, it would squeeze every other row to a line."""


def draw_curves(results: Results) -> bytes:
    """mIoU of the drawn rows against each axis, every run on every axis: the mean over seeds, each seed thin.

    More than ``MANY`` rows are drawn as means alone, with their names at their ends, and the axes below each other.
    The reference is black and dashed.

    An axis is logarithmic only where the budgets grow by a common factor. It ends a little after the reference's last
    cost where other rows go ``FAR`` times as far; the picture says which rows it cuts, and where they end.
    """
    named = results.plan.curves or [row.name for row in results.plan.rows if row.group is None]
    rows = [row for row in named or [r.name for r in results.plan.rows] if row in results.rows and row != FULL]
    looks = row_looks(rows, results.plan.reference)
    axes = results.plan.axes
    many = len(rows) > MANY
    with mpl.rc_context(STYLE):
        size = (7.6, 4.4 * len(axes)) if many else (4.5 * len(axes), 3.8)
        drawing = Drawing(figsize=size, layout="constrained")
        shape = (len(axes), 1) if many else (1, len(axes))
        panels = drawing.subplots(*shape, sharey=True, squeeze=False).ravel()
        for panel, axis in zip(panels, axes, strict=True):
            ends = [end for row in rows for end in _curve(panel, results.rows[row], COSTS[axis], looks[row], row, many)]
            _scale(panel, results, COSTS[axis], rows)
            full_line(panel, results)
            finish(panel, COSTS[axis].label)
            if many:
                names = row_labels({row: results.rows[row] for row in rows})
                told = [(x, y, names[row], color) for x, y, row, color in ends]
                end_labels(panel, [*told, *full_end(panel, results)])
                panel.set_ylabel(YLABEL)
        return written(drawing, panels[0], legend=not many)


def draw_sweep(table: TablePlan, results: Results) -> bytes:
    """mIoU in the last round against the initial share of labels, a line for each group of rows."""
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(5.5, 3.8), layout="constrained")
        panel = drawing.subplots()
        for number, (group, rows) in enumerate(sweep_groups(table, results).items()):
            xs = [100 * initial_share(results.rows[row]) for row in rows]
            found = [[run.last.miou for run in results.rows[row] if run.last.miou is not None] for row in rows]
            for x, values in zip(xs, found, strict=True):
                panel.plot([x] * len(values), values, "_", color=look(number)[0], alpha=0.6)
            panel.plot(
                [x for x, values in zip(xs, found, strict=True) if values],
                [float(np.mean(values)) for values in found if values],
                marker=look(number)[1],
                color=look(number)[0],
                label=group,
            )
        full_line(panel, results)
        finish(panel, "pixels labelled in round 0, %")
        return written(drawing, panel)


def row_looks(rows: Sequence[str], reference: str | None) -> dict[str, Look]:
    """Colour and marker of each row; the reference's are black and a cross."""
    others = [row for row in rows if row != reference]
    return {row: row_look(number) for number, row in enumerate(others)} | (
        {reference: (BLACK, "x")} if reference else {}
    )


def _curve(panel: Axes, runs: Sequence[RunFigures], cost: Cost, look_of: Look, name: str, many: bool) -> list[End]:
    """One row's curve; returns where it ends, with the row's name."""
    color, marker = look_of
    if len(runs) > 1 and not many:
        for run in runs:
            panel.plot(*points(run, cost), color=color, alpha=0.35, lw=0.8)
    costs, found = by_round(runs, cost)
    xs, ys = costs.mean(0), found.mean(0)
    label = f"{name} ({seeds(len(runs))})"
    panel.plot(xs, ys, marker=marker, ms=4, lw=1.3, ls="--" if color == BLACK else "-", color=color, label=label)
    return [(float(xs[-1]), float(ys[-1]), name, color)] if len(xs) else []


def _scale(panel: Axes, results: Results, cost: Cost, rows: Sequence[str]) -> None:
    means = {row: by_round(results.rows[row], cost)[0].mean(0) for row in rows}
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
    words = "\n".join(["beyond this axis:", *told])
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    panel.text(0.98, 0.02, words, transform=panel.transAxes, ha="right", fontsize=7, bbox=box)


def _number(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"
