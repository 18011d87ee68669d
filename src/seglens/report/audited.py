"""The audit set's figures and the answers that the last audit doubts, as tables."""

from __future__ import annotations

from typing import Any

from seglens.loop.doubted import kept
from seglens.report.learning import Table
from seglens.report.view import RunView
from seglens.report.words import duration, fraction, percent, whole

SHOWN = 20
"""Doubted answers in the report."""


def audit_set_table(view: RunView) -> Table | None:
    """mIoU on the audit set by round; None where there is none."""
    held = view.audit_set
    if held is None:
        return None
    said = (
        f"{whole(held.images)} images were drawn by chance before the first question, to be labelled whole and "
        "measured on; nothing was learnt from them and the loop never asked about them. So this is what the model is "
        f"worth on images like the pool's. {whole(held.labelled)} are labelled, which took {whole(held.cost.clicks)} "
        f"clicks and {duration(held.cost.seconds)}, apart from the budget. The interval is meant to hold the mIoU over "
        "all such images 95 times of 100; how often it does was measured (docs/results)."
    )
    rows = tuple(
        (str(r.number), fraction(r.audit.miou), fraction(r.audit.low), fraction(r.audit.high), whole(r.audit.images))
        for r in view.rounds
        if r.audit is not None
    )
    return Table(said, ("round", "mIoU", "95 % interval from", "to", "images"), rows)


def doubted_table(view: RunView) -> Table | None:
    """The answers that the last audit doubts most; None where nobody has audited the run."""
    told = kept(view.folder)
    if told is None:
        return None
    rows = [_row(row) for row in told["doubted"] if row["suspicion"] > 0][:SHOWN]
    by = "models that had not learnt from the image, and similar answers" if told["folds"] else "similar answers alone"
    said = (
        f"Of {whole(told['answers'])} answers, these were doubted most by {by}, when they were last audited "
        "(seglens audit). A doubt proves nothing: look at each. Suspicion is the log of how much likelier they hold "
        "another class than the one that was said."
    )
    columns = ("", "image", "said", "rather", "model gives it", "similar answers give it", "suspicion")
    return Table(said, columns, tuple(rows))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["rank"]),
        row["image"],
        " or ".join(row["said"]),
        row["instead"],
        percent(row["confidence"]),
        percent(row["agreement"]),
        f"{row['suspicion']:.2f}",
    )
