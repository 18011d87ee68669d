"""Disagreements between people who answered the same question, and what a reviewer decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from seglens.store.desk import Given, TakenError, UnknownQueryError, as_given, given_by, replace
from seglens.store.overlap import disputed
from seglens.store.repository import Repository
from seglens.store.rows import query_of, store_answer
from seglens.store.tables import AnswerRow, OverlapRow, QueryRow
from seglens.types import Answer, Query


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


def decide(repo: Repository, id: str, reviewer: str, annotator: str | None, own: Answer | None) -> None:
    """Say which answer to a question holds: one that was given, or the reviewer's own, which is paid too.

    Raises:
        UnknownQueryError: not a question that several people answer, or not an answer to it.
        TakenError: not all have answered yet, or another reviewer has decided.
    """
    with repo.writing() as session:
        overlap = session.get(OverlapRow, id)
        if overlap is None:
            raise UnknownQueryError(f"question '{id}': one person answers it; there is nothing to review")
        if overlap.reviewer not in (None, reviewer):
            raise TakenError(f"question '{id}': {overlap.reviewer} has decided it already")
        if overlap.agreement is None:
            raise TakenError(f"question '{id}': not all of its {overlap.needed} people have answered yet")
        if own is None:
            row = given_by(session, id, annotator or "")
            if row is None:
                raise UnknownQueryError(f"question '{id}': '{annotator}' has not answered it")
        else:
            earlier = given_by(session, id, reviewer)
            row = store_answer(session, own) if earlier is None else replace(session, earlier, own)
        overlap.decided, overlap.reviewer = row.id, reviewer
