"""Writing the report: one HTML file that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from itertools import count
from pathlib import Path

from markupsafe import Markup

from seglens import __version__
from seglens.files import write_bytes
from seglens.report.audited import audit_set_table, doubted_table
from seglens.report.charts import SHAPES, Axis, Fan, Series, line_chart
from seglens.report.cycles import cycles
from seglens.report.gallery import gallery
from seglens.report.learning import gate_table, weights_table
from seglens.report.outlook import fan
from seglens.report.places import asked_columns, asked_rows, places
from seglens.report.setup import choices, training
from seglens.report.story import cards, label_words, notes, story
from seglens.report.tables import RARE_SHARE, class_rows, label_rows, labels_of, round_rows, status_rows, time_rows
from seglens.report.template import render
from seglens.report.view import RunView
from seglens.report.words import percent, whole
from seglens.types import SeglensError

NAME = "report.html"
SECTIONS = {
    "quality": "What the labels bought",
    "classes": "Class by class",
    "questions": "What was asked, and why",
    "asked": "Which classes, which places",
    "explained": "How the model saw one image",
    "learnt": "What the score learnt, what the gate let through",
    "audited": "The audit set, answers to look at again",
    "labels": "Labels and cost",
    "setup": "How it was set up",
    "again": "Run it again",
    "words": "Words used here",
}


def write_report(run: Path | Sequence[Path], out: Path | None = None) -> Path:
    """Write a run's report.

    Args:
        run: the run's folder; or several, the first is told in full, the others are drawn beside it.
        out: the file to write; default ``report.html`` in the (first) run's folder.

    Returns:
        The file written.

    Raises:
        SeglensError: no run there, more runs than can be told apart, or no space left.
    """
    runs = [run] if isinstance(run, Path) else list(run)
    if not 1 <= len(runs) <= SHAPES:
        raise SeglensError(f"report: found {len(runs)} runs; allowed: 1 to {SHAPES}")
    path = out if out is not None else runs[0] / NAME
    write_bytes(path, page([RunView.load(one) for one in runs]).encode())
    return path


def page(views: Sequence[RunView]) -> str:
    """The page's HTML; the first view is told in full."""
    main = views[0]
    shelves, rows = gallery(main), class_rows(main)
    statuses, by_status = status_rows(main)
    stages, by_stage = time_rows(main)
    asked, seen = asked_rows(views), cycles(views)
    learnt = [table for table in (weights_table(main), gate_table(main)) if table is not None]
    audited = [table for table in (audit_set_table(main), doubted_table(main)) if table is not None]
    shown = {
        "classes": bool(rows),
        "questions": bool(shelves),
        "asked": bool(asked),
        "explained": seen is not None,
        "learnt": bool(learnt),
        "audited": bool(audited),
    }
    rare = f"less than {percent(RARE_SHARE)} of the labelled pixels"
    return render(
        "report.html.j2",
        title=f"“{main.config.preset}” on {main.config.data.name}",
        name=main.name,
        style=Markup(files("seglens.report").joinpath("templates/style.css").read_text(encoding="utf-8")),
        story=story(main),
        notes=notes(main),
        cards=cards(main),
        sections=[(id, text) for id, text in SECTIONS.items() if shown.get(id, True)],
        eval_words=_measured_on(main),
        charts=charts(views),
        fanned=next_up(views) is not None,
        lines=labels_of(views),
        rounds=round_rows(views),
        class_rows=rows,
        class_rounds=[r.number for r in main.measured],
        rare_words=f"Rare: {rare}.",
        rare_meaning=f"In these tables, a class with {rare}. In a reason, a class that is predicted for less of the "
        "pool than a quarter of an even share.",
        shelves=shelves,
        asked_rows=asked,
        asked_columns=asked_columns(views),
        places=places(views),
        cycles=seen,
        learnt=learnt,
        audited=audited,
        label_words=label_words(main),
        label_rows=label_rows(main),
        statuses=statuses,
        status_rows=by_status,
        training=training(main.config),
        preset=main.config.preset,
        choices=choices(main.config),
        stages=stages,
        time_rows=by_stage,
        command=f"seglens run {shlex.quote(main.name)} --config config.yaml",
        facts=[("config digest", main.config.digest()), ("seed", str(main.config.seed)), *main.facts.items()],
        config=main.config.dump(),
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _measured_on(view: RunView) -> str:
    if view.config.eval_data:
        return f"“{view.config.eval_data.name}”"
    return "the evaluation images (none here)" if view.audit_set is None else "the audit set"


def charts(views: Sequence[RunView]) -> list[Markup]:
    """mIoU against clicks and against pixels labelled, of every run; of one alone, also what comes next."""
    full = views[0].config.full_miou
    level = ("full supervision", full) if full is not None else None
    names, ids = labels_of(views), count(1)
    y = Axis("mIoU", lambda v: f"{v:.2f}")
    clicks = [Series(n, _points(v, "clicks")) for n, v in zip(names, views, strict=True)]
    shares = [Series(n, _points(v, "share")) for n, v in zip(names, views, strict=True)]
    return [
        line_chart(clicks, Axis("clicks", whole), y, "Quality against clicks", ids, level, next_up(views)),
        line_chart(
            shares,
            Axis("pixels labelled, share of the pool", lambda v: f"{100 * v:.4g} %"),
            y,
            "Quality against pixels",
            ids,
            level,
        ),
    ]


def next_up(views: Sequence[RunView]) -> Fan | None:
    """What comes next of one run alone: several fans would hide one another."""
    return fan(views[0]) if len(views) == 1 else None


def _points(view: RunView, cost: str) -> tuple[tuple[float, float], ...]:
    return tuple((getattr(r, cost), r.miou) for r in view.measured if r.miou is not None)
