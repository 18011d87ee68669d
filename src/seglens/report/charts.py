"""Line charts as inline SVG: text in the page's own colour, a title and a description for those who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from seglens.report.template import render

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 30, 46
SHAPES = 4
"""Distinct markers and colours; charts take no more series than that."""
LEAST_SPAN = 1e-6
"""Ranges narrower than this are drawn as a single value is."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A named line; ``points`` are (x, y) in data units, in order of x."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Fan:
    """What is expected to follow a line: (x, y, low, high) in data units, in order of x, from the line's last point."""

    label: str
    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Axis:
    """What an axis shows: its label and how a tick is written."""

    label: str
    write: Callable[[float], str]


@dataclass(frozen=True)
class Mark:
    """A point on the canvas with what it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """A series on the canvas; ``shape`` numbers its colour and marker."""

    shape: int
    path: str
    marks: tuple[Mark, ...]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that cover [low, high], some ``about`` of them.

    Example:
        >>> ticks(0.31, 0.56)
        [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
        >>> ticks(0, 600, 4)
        [0.0, 200.0, 400.0, 600.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"ticks need finite bounds, found {low} and {high}")
    span = (high - low) or abs(high)
    span = span if span > LEAST_SPAN else 1.0
    power = 10.0 ** math.floor(math.log10(span / about))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(span / s - about))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def line_chart(
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    name: str,
    ids: count[int],
    level: tuple[str, float] | None = None,
    fan: Fan | None = None,
) -> Markup:
    """A line chart.

    Args:
        series: at most ``SHAPES`` lines; empty ones are left out of the picture.
        x: the horizontal axis, from 0.
        y: the vertical axis.
        name: the title, which the description completes with the figures.
        ids: gives the numbers that make element ids unique on the page.
        level: a named horizontal line, or None.
        fan: what is expected to follow the first line, or None.

    Returns:
        An ``<svg>`` element, or a sentence where there is no point to draw.
    """
    points = [p for s in series for p in s.points]
    if not points:
        return render("empty.html.j2", name=name)
    ahead = fan.points if fan else ()
    heights = [p[1] for p in points] + ([level[1]] if level else []) + [end for p in ahead for end in p[2:]]
    x_ticks, y_ticks = ticks(0.0, max(p[0] for p in (*points, *ahead)), 4), ticks(min(heights), max(heights))

    def place(p: Point) -> Point:
        across = (p[0] - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (p[1] - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    lines = [_line(i, s, x, y, place) for i, s in enumerate(series[:SHAPES])]
    return render(
        "chart.svg.j2",
        id=next(ids),
        name=name,
        description=describe(series, x, y, level, fan),
        lines=lines,
        fan=_fan(fan, x, y, place) if fan else None,
        x=x,
        y=y,
        x_ticks=[(place((t, y_ticks[0]))[0], x.write(t)) for t in x_ticks],
        y_ticks=[(place((x_ticks[0], t))[1], y.write(t)) for t in y_ticks],
        level=(level[0], place((x_ticks[0], level[1]))[1]) if level else None,
        frame=(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM),
        size=(WIDTH, HEIGHT),
    )


def describe(
    series: Sequence[Series], x: Axis, y: Axis, level: tuple[str, float] | None, fan: Fan | None = None
) -> str:
    """The chart in words: where each line starts and ends."""
    said = []
    for one in series:
        if one.points:
            (x0, y0), (x1, y1) = one.points[0], one.points[-1]
            said.append(f"{one.label}: {y.write(y0)} at {x.write(x0)}, {y.write(y1)} at {x.write(x1)}")
    if level:
        said.append(f"{level[0]}: {y.write(level[1])}")
    if fan:
        said.append(_fan_words(fan, x, y))
    return f"{y.label} against {x.label}. {'; '.join(said)}."


def sparkline(values: Sequence[float | None]) -> Markup:
    """A small line of one class's values, on [0, 1]; it repeats a table's numbers, so readers skip it."""
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if len(known) < 2:
        return Markup("")
    last = max(len(values) - 1, 1)
    placed = [(2 + 60 * i / last, 18 - 16 * v) for i, v in known]
    return render("spark.svg.j2", path=_path(placed), end=placed[-1])


def _line(number: int, series: Series, x: Axis, y: Axis, place: Callable[[Point], Point]) -> Line:
    placed = [place(p) for p in series.points]
    marks = tuple(
        Mark(at[0], at[1], f"{series.label}: {y.write(p[1])} at {x.write(p[0])}")
        for at, p in zip(placed, series.points, strict=True)
    )
    return Line(number, _path(placed), marks)


def _fan(fan: Fan, x: Axis, y: Axis, place: Callable[[Point], Point]) -> tuple[str, str, str]:
    """The paths of the area and of its middle, and what they say."""
    low, high = ([place((p[0], p[end])) for p in fan.points] for end in (2, 3))
    middle = [place((p[0], p[1])) for p in fan.points]
    return f"{_path([*low, *reversed(high)])}Z", _path(middle), _fan_words(fan, x, y)


def _fan_words(fan: Fan, x: Axis, y: Axis) -> str:
    at, middle, low, high = fan.points[-1]
    return f"{fan.label}: {y.write(middle)} ({y.write(low)} to {y.write(high)}) at {x.write(at)}"


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{'L' if i else 'M'}{p[0]:.1f} {p[1]:.1f}" for i, p in enumerate(points))
