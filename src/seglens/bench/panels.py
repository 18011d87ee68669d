"""What the drawings share: looks, points and means of curves, axes, the file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
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
YLABEL = "mIoU, native truth"
BLACK = "#000000"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", BLACK, "#7f3c8d")
HUES = (*(color for color in COLORS if color != BLACK), "#117733", "#882255", "#999933", "#332288", "#a05a2c")
"""Colours of rows that stand beside a black reference."""
MARKERS = "os^Dv<>P"
Look = tuple[str, str]
"""Colour and marker."""
MANY = 4
"""With more curves than this a legend sends the eye back and forth: names stand at the curves' ends."""
LINE = 0.052
"""Height of a name at a curve's end, by the panel's height."""
End = tuple[float, float, str, str]
"""A name at the end of a curve: cost, mIoU, text, colour."""


def look(number: int) -> Look:
    """What the ``number``-th line of a drawing looks like."""
    return COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]


def row_look(number: int) -> Look:
    """Likewise, black left to the reference; twenty-four are all different."""
    return HUES[number % len(HUES)], MARKERS[(number + number // len(HUES)) % len(MARKERS)]


def points(run: RunFigures, cost: Cost) -> tuple[list[float], list[float]]:
    """Cost and mIoU of the rounds that were measured."""
    known = [r for r in run.rounds if r.miou is not None]
    return [cost.of(r) for r in known], [r.miou for r in known if r.miou is not None]


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


def row_labels(rows: Mapping[str, Sequence[RunFigures]]) -> dict[str, str]:
    """What rows are called at the ends of their curves: their seeds are told only where they differ."""
    counts = {name: len(runs) for name, runs in rows.items()}
    same = len(set(counts.values())) == 1
    return {name: name if same else f"{name} ({seeds(count)})" for name, count in counts.items()}


def spaced(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved apart as little as can be, so that neighbours are ``gap`` apart or more.

    Args:
        places: where each should stand.
        gap: least distance; less where they would not fit.
        low: where the lowest may stand.
        high: where the highest may stand.

    Returns:
        In the order given, from low to high as before: the least squares of what they are moved.

    Example:
        >>> spaced([0.5, 0.5, 1.0], 0.25, 0.0, 1.0)
        [0.375, 0.625, 1.0]
    """
    if not places:
        return []
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    order = np.argsort(places, kind="stable")
    # less its own share of the gaps, each may stand anywhere that is not below the one before it
    steps = gap * np.arange(len(places))
    level = np.array(_rising([places[i] - step for i, step in zip(order, steps, strict=True)]))
    found = np.empty(len(places))
    found[order] = level.clip(low, max(high - steps[-1], low)) + steps
    return [float(place) for place in found]


def _rising(values: Sequence[float]) -> list[float]:
    """The values nearest to these that never fall: neighbours that would are their mean."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def end_labels(panel: Axes, ends: Sequence[End]) -> None:
    """Names at the right of a panel, each beside the end of its curve as far as there is room; the axes are kept."""
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    shown = [end for end in ends if left <= end[0] <= right and low <= end[1] <= high]
    places = spaced([(y - low) / (high - low) for _, y, _, _ in shown], LINE, 0.0, 1.0)
    for (x, y, text, color), place in zip(shown, places, strict=True):
        line = {"arrowstyle": "-", "color": color, "lw": 0.6, "alpha": 0.6, "relpos": (0, 0.5), "shrinkB": 2}
        panel.annotate(
            text,
            (x, y),
            xytext=(1.03, place),
            textcoords="axes fraction",
            color=color,
            fontsize=8,
            va="center",
            arrowprops=line,
            annotation_clip=False,
        )
    panel.set_xlim(left, right)
    panel.set_ylim(low, high)


def full_end(panel: Axes, results: Results) -> list[End]:
    """Full supervision as a name at the right edge, where it is known."""
    return [] if results.full_miou is None else [(panel.get_xlim()[1], results.full_miou, FULL, "#555555")]


def written(drawing: Drawing, first: Axes, beside: bool = False, legend: bool = True) -> bytes:
    """The drawing as SVG, its legend above or ``beside``, or none where names stand at the curves."""
    first.set_ylabel(YLABEL)
    handles, labels = first.get_legend_handles_labels()
    if handles and legend:
        columns = 1 if beside else min(3, len(labels))
        place: Literal["outside right upper", "outside upper center"] = "outside upper center"
        if beside:
            place = "outside right upper"
        drawing.legend(handles, labels, loc=place, ncols=columns, frameon=False)
    file = io.BytesIO()
    drawing.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
