"""What was asked, by class and by place in the image: for every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.functional.run_lengths import indices
from seglens.report.pictures import SCORE_COLOURS, WIDTH, Picture, coloured, data_url, resized
from seglens.report.tables import Colour, labels_of
from seglens.report.view import Asked, RunView
from seglens.report.words import class_name, percent, whole
from seglens.types import FloatArray, Region

CELLS = (24, 48)
"""Rows and columns of the map of places."""
DOWN, ACROSS = ("top", "middle", "bottom"), ("left", "centre", "right")
NO_CLASS = -1

Cell = tuple[float, str]
"""How strong a table's cell is coloured, 0 to 1, and its text."""


@dataclass(frozen=True)
class Places:
    """Where a run asked: a map over the image's frame, and its nine parts, row by row."""

    label: str
    picture: Picture
    parts: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class ClassAsked:
    """Questions about a class: of every run, then the first run's by height in the image."""

    name: str
    colour: Colour | None
    cells: tuple[Cell, ...]


def places(views: Sequence[RunView]) -> list[Places]:
    """Where each run asked; runs that asked nothing are left out."""
    return [_places(label, view) for label, view in zip(labels_of(views), views, strict=True) if view.asked]


def _places(label: str, view: RunView) -> Places:
    share = density([a.query.region for a in view.asked]) / max(view.pool_images, 1)
    high, ninths = float(share.max()), _ninths(view)
    height, width = view.asked[0].query.region.size
    size = (max(1, round(WIDTH * height / width)), WIDTH)
    drawn = resized(coloured(share, SCORE_COLOURS, high), size)
    caption = (
        f"{label}: all images laid over each other. The brighter, the more of them were asked about there; yellow: "
        f"{percent(high)} of the pool's images"
    )
    alt = f"Map of the places that {label} asked about; the table below says the same"
    total = len(view.asked)
    most = max(count for _, row in ninths for count in row)
    parts = tuple((name, tuple((n / most, percent(n / total)) for n in row)) for name, row in ninths)
    return Places(label, Picture(data_url(drawn, "jpeg"), WIDTH, size[0], alt, caption), parts)


def density(regions: Sequence[Region]) -> FloatArray:
    """How many regions cover each part of the frame.

    Args:
        regions: of images of any size; each is laid over the same frame.

    Returns:
        ``CELLS`` float64: the sum over the regions of the share of the cell that they cover.
    """
    found = np.zeros(CELLS)
    for region in regions:
        height, width = region.size
        y, x = np.divmod(indices(region.runs), width)
        at = (y * CELLS[0] // height) * CELLS[1] + x * CELLS[1] // width
        pixels = _cell_pixels(height, 0)[:, None] * _cell_pixels(width, 1)
        found += np.bincount(at, minlength=found.size).reshape(CELLS) / pixels
    return found


def _cell_pixels(length: int, axis: int) -> FloatArray:
    """Pixels of an image's side that lie in each cell; 1 where there is none, since nothing is counted there."""
    counts = np.bincount(np.arange(length) * CELLS[axis] // length, minlength=CELLS[axis])
    return np.maximum(counts, 1).astype(np.float64)


def _ninths(view: RunView) -> list[tuple[str, list[int]]]:
    """Questions in each ninth of the image, by where the middle of their region lies."""
    counted = Counter(_place(a) for a in view.asked)
    return [(down, [counted[down, across] for across in ACROSS]) for down in DOWN]


def _place(asked: Asked) -> tuple[str, str]:
    said = str(asked.query.reason["place"]).split()
    down = next((word for word in said if word in (DOWN[0], DOWN[2])), DOWN[1])
    return down, next((word for word in said if word in (ACROSS[0], ACROSS[2])), ACROSS[1])


def class_of(asked: Asked, classes: int) -> int:
    """What a question was about: the class predicted when it was asked, before a model the class answered."""
    if predicted := asked.query.reason.get("classes"):
        return int(predicted[0])
    answer = asked.answer
    if answer is None:
        return NO_CLASS
    if answer.classes:
        return answer.classes[0]
    counts = np.bincount(answer.dense, minlength=256)[:classes] if answer.dense is not None else np.zeros(1)
    return int(counts.argmax()) if counts.any() else NO_CLASS


def asked_columns(views: Sequence[RunView]) -> list[str]:
    """What the cells of ``asked_rows`` hold: the questions of each run, then the first run's places."""
    if len(views) == 1:
        return ["questions", *(f"of them {down}" for down in DOWN)]
    labels = labels_of(views)
    return [*labels, *(f"{labels[0]}: {down}" for down in DOWN)]


def asked_rows(views: Sequence[RunView]) -> list[ClassAsked]:
    """Questions by class; a class that no run asked about stands there with zeros."""
    main, classes = views[0], views[0].classes
    if not any(view.asked for view in views):
        return []
    counted = [Counter(class_of(a, len(classes)) for a in view.asked) for view in views]
    placed = Counter((class_of(a, len(classes)), _place(a)[0]) for a in main.asked)
    rows = [*range(len(classes)), *([NO_CLASS] if any(c[NO_CLASS] for c in counted) else [])]
    most = [max(count.values(), default=1) for count in counted]
    found = []
    for index in rows:
        cells = [_cell(count[index], high, sum(count.values())) for count, high in zip(counted, most, strict=True)]
        own = max(counted[0][index], 1)
        cells += [(placed[index, down] / own, whole(placed[index, down])) for down in DOWN]
        name = "no class (void or not answered)" if index == NO_CLASS else class_name(index, classes)
        found.append(ClassAsked(name, classes.colors[index] if index != NO_CLASS else None, tuple(cells)))
    return found


def _cell(count: int, most: int, total: int) -> Cell:
    return count / most, f"{whole(count)} ({percent(count / max(total, 1))})"
