"""What the drawings share: looks, points and means of curves, axes, the file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from seglens.bench.axes import Cost
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL
from seglens.bench.results import Results
from seglens.types import FloatArray

STYLE: dict[Any, Any] = {"svg.hashsalt": "seglens", "svg.fonttype": "none", "font.size": 9}
BLACK = "#000000"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", BLACK, "#7f3c8d")
MARKERS = "os^Dv<>P"
Look = tuple[str, str]
"""Colour and marker."""


def look(number: int) -> Look:
    """What the ``number``-th line of a drawing looks like."""
    return COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]


def points(run: RunFigures, cost: Cost) -> tuple[list[float], list[float]]:
    """Cost and mIoU of the rounds that were measured."""
    known = [r for r in run.rounds if r.miou is not None]
    return [cost.scale * getattr(r, cost.key) for r in known], [r.miou for r in known if r.miou is not None]


def by_round(runs: Sequence[RunFigures], cost: Cost) -> tuple[FloatArray, FloatArray]:
    """Costs and mIoU of each round that every run has measured, both (runs, rounds)."""
    each = [points(run, cost) for run in runs]
    shared = min(len(xs) for xs, _ in each)
    costs = [xs[-shared:] if shared else [] for xs, _ in each]
    return np.array(costs, np.float64), np.array([ys[-shared:] if shared else [] for _, ys in each], np.float64)


def seeds(count: int) -> str:
    """A number of seeds in words."""
    return f"{count} seed{'' if count == 1 else 's'}"


def finish(panel: Axes, label: str) -> None:
    """Name the axis of costs, in numbers that people read."""
    panel.set_xlabel(label)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.grid(alpha=0.2)


def full_line(panel: Axes, results: Results) -> None:
    """The mIoU of full supervision, as an entry of the legend."""
    if results.full_miou is not None:
        panel.axhline(results.full_miou, color="#777777", ls="--", lw=1, label=FULL)


def written(drawing: Drawing, first: Axes, beside: bool = False) -> bytes:
    """The drawing as SVG, its legend above or ``beside``."""
    first.set_ylabel("mIoU, native truth")
    handles, labels = first.get_legend_handles_labels()
    if handles:
        columns = 1 if beside else min(3, len(labels))
        place: Literal["outside right upper", "outside upper center"] = "outside upper center"
        if beside:
            place = "outside right upper"
        drawing.legend(handles, labels, loc=place, ncols=columns, frameon=False)
    file = io.BytesIO()
    drawing.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
