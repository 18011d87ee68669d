"""The report's figures as rows of text: rounds, classes, labels, answers, times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from seglens.report.charts import sparkline
from seglens.report.view import RunView
from seglens.report.words import duration, fraction, percent, whole
from seglens.types import AnswerStatus, Stage

RARE_SHARE = 0.01
"""A class with less than this share of the labelled pixels is marked rare."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ClassRow:
    """A class's IoU by round; ``whole`` marks the row over all classes."""

    name: str
    colour: Colour | None
    rare: bool
    cells: tuple[tuple[float | None, str], ...]
    spark: Markup
    change: str
    whole: bool = False


@dataclass(frozen=True)
class LabelRow:
    """What is labelled of a class."""

    name: str
    colour: Colour
    rare: bool
    answers: str
    pixels: str
    share: str


def rare_classes(view: RunView) -> set[int]:
    """Classes with some labels, but less than ``RARE_SHARE`` of them, and those with none."""
    total = int(view.labels.by_class.sum())
    return {c for c, n in enumerate(view.labels.by_class) if n < RARE_SHARE * total} if total else set()


def round_rows(views: Sequence[RunView]) -> list[tuple[str, ...]]:
    """Cost and quality of every round of every run."""
    return [
        (
            label,
            str(r.number),
            whole(r.clicks),
            whole(r.pixels),
            percent(r.share),
            duration(r.seconds),
            fraction(r.miou),
        )
        for label, view in zip(labels_of(views), views, strict=True)
        for r in view.rounds
    ]


def labels_of(views: Sequence[RunView]) -> list[str]:
    """A name for each run: its preset where that tells them apart, else its folder too."""
    presets = [view.config.preset for view in views]
    if len(set(presets)) == len(presets):
        return presets
    return [f"{view.config.preset} ({view.name})" for view in views]


def class_rows(view: RunView) -> list[ClassRow]:
    """IoU by class and round, the mean first."""
    rounds, rare = view.measured, rare_classes(view)
    if not rounds:
        return []
    rows = [_class_row("mean (mIoU)", None, False, [r.miou for r in rounds], over_all=True)]
    for index, name in enumerate(view.classes.names):
        values = [r.iou[index] for r in rounds]
        rows.append(_class_row(name, view.classes.colors[index], index in rare, values))
    return rows


def _class_row(
    name: str, colour: Colour | None, rare: bool, values: Sequence[float | None], over_all: bool = False
) -> ClassRow:
    known = [v for v in values if v is not None]
    change = f"{known[-1] - known[0]:+.3f}".replace("-", "−") if len(known) > 1 else "–"
    cells = tuple((v, fraction(v)) for v in values)
    return ClassRow(name, colour, rare, cells, sparkline(values), change, over_all)


def label_rows(view: RunView) -> list[LabelRow]:
    """Answers and labelled pixels by class."""
    named: Counter[int] = Counter()
    for asked in view.asked:
        if asked.answer is None or asked.answer.status is not AnswerStatus.ANSWERED:
            continue
        dense = asked.answer.dense
        named.update(set(asked.answer.classes) or ({int(c) for c in set(dense.tolist())} if dense is not None else ()))
    total, rare = max(int(view.labels.by_class.sum()), 1), rare_classes(view)
    return [
        LabelRow(
            name,
            view.classes.colors[c],
            c in rare,
            whole(named[c]),
            whole(view.labels.by_class[c]),
            percent(view.labels.by_class[c] / total),
        )
        for c, name in enumerate(view.classes.names)
    ]


def status_rows(view: RunView) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of the states that occur, and for each round how many questions are in each, with their cost."""
    states = [s.value for s in AnswerStatus]
    seen = Counter(a.answer.status.value if a.answer else "open" for a in view.asked)
    shown = [s for s in [*states, "open"] if seen[s]]
    rows = []
    for one in view.rounds:
        asked = view.of_round(one.number)
        counts = Counter(a.answer.status.value if a.answer else "open" for a in asked)
        costs = [a.answer.cost for a in asked if a.answer]
        paid = (whole(sum(c.clicks for c in costs)), whole(sum(c.pixels for c in costs)))
        time = duration(sum(c.seconds for c in costs))
        rows.append((str(one.number), *(whole(counts[s]) for s in shown), *paid, time))
    return shown, rows


def time_rows(view: RunView) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of the stages that took time, and the time of each by round."""
    stages = [s.value for s in Stage if any(r.durations.get(s.value, 0) >= 0.05 for r in view.rounds)]
    rows = [
        (str(r.number), *(duration(r.durations.get(s, 0.0)) for s in stages), duration(sum(r.durations.values())))
        for r in view.rounds
        if r.durations
    ]
    return stages, rows
