"""Answers that do not agree or that are doubted, and what a reviewer decides."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from seglens.store.desk import Draft, Given, StaleError, TakenError, UnknownQueryError, as_given, given_by, replace
from seglens.store.overlap import disputed, holds
from seglens.store.repository import Repository
from seglens.store.rows import query_of, store_answer
from seglens.store.tables import AnswerRow, DraftRow, OverlapRow, QueryRow, now
from seglens.types import Answer, Cost, Query

NOTHING = Cost(0.0)


@dataclass(frozen=True)
class Dispute:
    """A question whose answers do not agree."""

    query: Query
    agreement: float
    answers: Sequence[Given]


def due(repo: Repository) -> list[Dispute]:
    """Every question that waits for a reviewer, in the order asked."""
    with repo.transaction() as session:
        found = []
        for overlap in disputed(session):
            row = session.get_one(QueryRow, overlap.query_id)
            answers = session.scalars(select(AnswerRow).where(AnswerRow.query_id == row.id).order_by(AnswerRow.id))
            givens = [as_given(session, answer, row) for answer in answers]
            found.append(((row.round, row.position), Dispute(query_of(row), overlap.agreement or 0.0, givens)))
        return [dispute for _, dispute in sorted(found, key=lambda pair: pair[0])]


def unreviewed(repo: Repository, ids: Sequence[str], until: datetime) -> list[Given]:
    """Answers to these questions that hold, are not newer than ``until``, and that no reviewer has decided on."""
    reviewed = select(OverlapRow.query_id).where(OverlapRow.reviewer.is_not(None))
    chosen = select(AnswerRow, QueryRow).join(QueryRow, QueryRow.id == AnswerRow.query_id)
    chosen = chosen.where(QueryRow.id.in_(ids), QueryRow.id.not_in(reviewed), holds(), AnswerRow.answered_at <= until)
    with repo.transaction() as session:
        return [as_given(session, answer, query) for answer, query in session.execute(chosen)]


def decide(
    repo: Repository,
    id: str,
    reviewer: str,
    annotator: str | None,
    own: Answer | None,
    edits: int = 0,
    revision: int = 1,
    taking: Cost = NOTHING,
    seen: int | None = None,
) -> None:
    """Say which answer to a question holds: one that was given, or the reviewer's own, which is paid too.

    Args:
        repo: the run's database.
        id: of the question.
        reviewer: who decides; a draft of this person's goes.
        annotator: whose answer holds, where it is not the reviewer's own.
        own: the reviewer's own answer, or None.
        edits: gestures that took.
        revision: the page's count of the reviewer's saves to this question.
        taking: the clicks and seconds that it took to take somebody's answer; told again, it is paid once.
        seen: the revision of somebody's answer that the reviewer saw; None = whatever stands there.

    Raises:
        UnknownQueryError: nobody has answered the question, or not this annotator.
        TakenError: not all have answered yet, another reviewer has decided, or the answer is no longer the one seen.
        StaleError: the reviewer's own answer, as new or newer, was taken already; nothing changes.
    """
    with repo.writing() as session:
        overlap = _open_to(session, id, reviewer)
        if own is None:
            row = given_by(session, id, annotator or "")
            if row is None:
                raise UnknownQueryError(f"question '{id}': '{annotator}' has not answered it")
            if seen is not None and seen != (row.revision or 0):
                raise TakenError(f"question '{id}': '{annotator}' has changed the answer since; look at it again")
            overlap.review_seconds = max(overlap.review_seconds or 0.0, taking.seconds)
            overlap.review_clicks = max(overlap.review_clicks or 0.0, taking.clicks)
            overlap.review_edits = max(overlap.review_edits or 0, edits)
        else:
            earlier = given_by(session, id, reviewer)
            stored = (earlier.revision or 0) if earlier is not None else 0
            told = earlier is not None and (overlap.reviewer, overlap.decided) == (reviewer, earlier.id)
            if told and revision <= stored:
                raise StaleError(f"revision: found {revision}, but {stored} is decided; nothing was changed", stored)
            row = store_answer(session, own) if earlier is None else replace(session, earlier, own)
            row.edits, row.revision = max(edits, row.edits or 0), max(revision, row.revision or 0)
        overlap.decided, overlap.reviewer = row.id, reviewer
        session.add(overlap)
        session.execute(delete(DraftRow).where(DraftRow.query_id == id, DraftRow.person == reviewer))


def keep(repo: Repository, id: str, reviewer: str, draft: Draft) -> None:
    """Store a reviewer's unfinished answer to a question that others have answered.

    Raises:
        UnknownQueryError: nobody has answered it.
        TakenError: not all have answered yet, or a review has decided.
        StaleError: as new or newer stands there already; nothing changes.
    """
    with repo.writing() as session:
        overlap = _open_to(session, id, reviewer)
        if overlap.reviewer is not None:
            raise TakenError(f"question '{id}': it is decided already")
        row, given = session.get(DraftRow, (id, reviewer)), given_by(session, id, reviewer)
        stored = max(row.revision if row else 0, given.revision if given else 0)
        if draft.revision <= stored:
            raise StaleError(
                f"revision: found {draft.revision}, but {stored} is stored already; nothing was changed", stored
            )
        body = zlib.compress(draft.body, 1)
        if row is None:
            session.add(DraftRow(query_id=id, person=reviewer, revision=draft.revision, body=body))
        else:
            row.revision, row.body, row.saved_at = draft.revision, body, now()


def _open_to(session: Session, id: str, reviewer: str) -> OverlapRow:
    """What is known of a question that this reviewer may decide; of one without overlap, a row not stored yet."""
    overlap = session.get(OverlapRow, id)
    if overlap is None:
        given = session.scalar(select(func.count()).where(AnswerRow.query_id == id))
        if not given:
            raise UnknownQueryError(f"question '{id}': nobody has answered it; there is nothing to review")
        return OverlapRow(query_id=id, needed=given, agree=1.0)
    if overlap.reviewer not in (None, reviewer):
        raise TakenError(f"question '{id}': {overlap.reviewer} has decided it already")
    if overlap.agreement is None and overlap.reviewer is None:
        raise TakenError(f"question '{id}': not all of its {overlap.needed} people have answered yet")
    return overlap
