"""Numbers that the page shows: where the run stands, what people did, how far they agree."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

import seglens
from seglens.config import read_yaml
from seglens.functional.agreement import kappa, kappa_table
from seglens.loop.budget import charged
from seglens.store.overlap import classes_of, disputed
from seglens.store.tables import AnswerRow, OverlapRow, QueryRow
from seglens.types import AnswerStatus, Purpose, SeglensError, Unit
from seglens.web.office import Office

GUIDE = "guide.yaml"
"""In the run's folder: a sentence for each class name, for the people who label."""
AUDITED = ("audit_miou", "audit_miou_low", "audit_miou_high", "audit_images")
DRAWN = ("clicks", "pixel_share", "person_seconds", "miou", *AUDITED)
"""Metrics of a round that the curve is drawn from."""
SPOKEN = tuple(AnswerStatus)


def read_guide(run: Path) -> dict[str, str]:
    """What the labelling guide says of each class.

    Raises:
        SeglensError: the file is no mapping of class names to texts.
    """
    path = run / GUIDE
    return {str(name): str(text) for name, text in read_yaml(path).items()} if path.exists() else {}


def guide_texts(run: Path) -> dict[str, str]:
    """The same while people work; nothing where the file was broken since the start."""
    try:
        return read_guide(run)
    except SeglensError:
        return {}


def goal(office: Office) -> dict[str, Any]:
    """What the run may spend in all."""
    budget = office.config.budget
    total = budget.total
    if total is None:
        total = budget.initial + budget.per_round * (office.config.rounds - 1)
    return {"unit": budget.unit.value, "total": total}


def shared_status(office: Office) -> dict[str, Any]:
    """What everybody's page shows, a second old at most."""
    found: dict[str, Any] = office.slow.get("status", lambda: _status(office))
    return found


def _status(office: Office) -> dict[str, Any]:
    found = office.driver.standing()
    asked, waiting = office.repo.standing(found.round) if found.round is not None else (0, 0)
    claimed = office.desk.claimed(found.round)
    return {
        "state": found.state.value,
        "round": found.round,
        "stage": found.stage.value if found.stage else None,
        "working": found.working,
        "failed": found.failed,
        "stopped": (office.run / "stop").exists(),
        "questions": {
            "open": waiting,
            "claimed": claimed,
            "answered": asked - waiting,
            "total": asked,
            "enough": int(np.ceil(office.driver.enough * asked - 1e-9)),
        },
        "spent": _spent(office),
        "curve": _curve(office),
        "audit_set": _audit_set(office),
        "agreement": agreement(office),
        "why": office.repo.meta("why") or "",
        "version": seglens.__version__,
    }


def _spent(office: Office) -> dict[str, float]:
    """What was paid so far, in clicks, pixels and seconds, and in the unit of the budget."""
    cost, unit = office.repo.spent(), office.config.budget.unit
    chosen = select(func.count(AnswerRow.query_id.distinct())).join(QueryRow, QueryRow.id == AnswerRow.query_id)
    with office.repo.transaction() as session:
        answered = session.scalar(chosen.where(QueryRow.purpose == Purpose.LABEL.value)) or 0
    made_of_pixels = unit in (Unit.IMAGE_EQUIVALENTS, Unit.POOL_SHARE)
    paid = charged(cost, answered, unit, office.unit_pixels if made_of_pixels else 1.0)
    return {"clicks": cost.clicks, "pixels": cost.pixels, "seconds": cost.seconds, unit.value: paid}


def _curve(office: Office) -> list[dict[str, Any]]:
    """A point a round that is done; ``audit``: what the audit set says, where nothing else is measured on."""
    found = [m for name in DRAWN for m in office.repo.metrics(name=name)]
    figures = {(m.round, m.name, m.truth): m.value for m in found if m.class_index == -1}
    done = [r.number for r in office.repo.rounds() if (r.number, "clicks", "") in figures]
    return [
        {
            "round": number,
            "clicks": figures[number, "clicks", ""],
            "pixels": figures.get((number, "pixel_share", "")),
            "miou": figures.get((number, "miou", "native"), figures.get((number, "audit_miou", "native"))),
            "audit": _audit(figures, number) if (number, "miou", "native") not in figures else None,
            "seconds": figures.get((number, "person_seconds", "")),
        }
        for number in done
    ]


def _audit(figures: dict[tuple[int, str, str], float | None], round: int) -> dict[str, float | None] | None:
    """The interval of a round's mIoU on the audit set, and the images it stands on; None where it was not measured."""
    if (round, "audit_miou", "native") not in figures:
        return None
    low, high = (figures.get((round, f"audit_miou_{end}", "native")) for end in ("low", "high"))
    return {"low": low, "high": high, "images": figures.get((round, "audit_images", ""))}


def _audit_set(office: Office) -> dict[str, float] | None:
    """How much of the audit set is labelled, and what that cost apart from the budget; None where there is none."""
    images = office.config.audit_set.images
    if not images:
        return None
    waiting, cost = len(office.repo.open_queries(Purpose.AUDIT)), office.repo.spent(purpose=Purpose.AUDIT)
    asked = len(office.repo.queries(purpose=Purpose.AUDIT))
    return {"images": images, "labelled": asked - waiting, "clicks": cost.clicks, "seconds": cost.seconds}


def mine(office: Office, person: str) -> dict[str, Any]:
    """What a person did."""
    chosen = select(func.count(), func.sum(AnswerRow.seconds), func.sum(AnswerRow.clicks))
    with office.repo.transaction() as session:
        answered, seconds, clicks = session.execute(chosen.where(AnswerRow.annotator == person)).one()
    return {"answered": answered, "seconds": seconds or 0.0, "clicks": clicks or 0.0}


def agreement(office: Office) -> dict[str, Any]:
    """How far answers to the same question agree."""
    with office.repo.transaction() as session:
        rows = list(session.scalars(select(OverlapRow).where(OverlapRow.agreement.is_not(None))))
        review = len(disputed(session))
        agreeing = sum(row.agreement is not None and row.agreement >= row.agree for row in rows)
        value = kappa(_table(office, session, [row.query_id for row in rows])) if rows else None
    return {"asked_twice": len(rows), "agreeing": agreeing, "kappa": value, "review": review}


def _table(office: Office, session: Any, ids: list[str]) -> Any:
    """(K, K) what two people said of the same question, each question weighing one; either of them may be the first."""
    count = len(office.classes)
    size = count + 1 + len(SPOKEN)  # not said, and every status that is no answer
    table = np.zeros((size, size))
    for id in ids:
        first, second = list(session.scalars(select(AnswerRow).where(AnswerRow.query_id == id).order_by(AnswerRow.id)))[
            :2
        ]
        one, other = (_said(session, row, count) for row in (first, second))
        if len(one) != len(other):  # one drew, the other said void: nothing of it agrees
            one, other = one[:1], other[:1]
        table += kappa_table(one, other, size) / len(one)
    return (table + table.T) / 2


def _said(session: Any, row: AnswerRow, count: int) -> Any:
    if row.status != AnswerStatus.ANSWERED.value:
        return np.array([count + 1 + SPOKEN.index(AnswerStatus(row.status))])
    if row.dense is not None:
        dense = np.frombuffer(zlib.decompress(row.dense), np.uint8).astype(np.int64)
        return np.where(dense == 255, count, dense)
    return np.array([min(classes_of(session, row.id), default=count)])


def people_figures(office: Office) -> list[dict[str, Any]]:
    """Everybody with an account or an answer: how much, how long with their reviews, how often others agreed."""
    people = {person.name: person.role.value for person in office.people.listed()}
    sums = select(AnswerRow.annotator, func.count(), func.sum(AnswerRow.seconds), func.sum(AnswerRow.clicks))
    reviews = select(OverlapRow.reviewer, func.sum(OverlapRow.review_seconds), func.sum(OverlapRow.review_clicks))
    shared = select(AnswerRow.annotator, func.avg(OverlapRow.agreement)).join(
        OverlapRow, OverlapRow.query_id == AnswerRow.query_id
    )
    with office.repo.transaction() as session:
        done = {name: (n, s, c) for name, n, s, c in session.execute(sums.group_by(AnswerRow.annotator))}
        for name, seconds, clicks in session.execute(reviews.group_by(OverlapRow.reviewer)):
            if name is not None:
                before = done.get(name, (0, 0.0, 0.0))
                done[name] = (before[0], (before[1] or 0.0) + seconds, (before[2] or 0.0) + clicks)
        agreed: dict[str, float | None] = {}
        for name, share in session.execute(shared.group_by(AnswerRow.annotator)):
            agreed[name] = share
    return [
        {
            "name": name,
            "role": people.get(name),
            "answered": done.get(name, (0, 0.0, 0.0))[0],
            "seconds": done.get(name, (0, 0.0, 0.0))[1] or 0.0,
            "clicks": done.get(name, (0, 0.0, 0.0))[2] or 0.0,
            "agreement": agreed.get(name),
        }
        for name in sorted({*people, *done})
    ]
