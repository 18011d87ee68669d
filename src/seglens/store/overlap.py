"""Questions that several people answer: which answer holds, and where a review is due."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from seglens.store.tables import AnswerClassRow, AnswerRow, OverlapRow
from seglens.types import AnswerStatus


def holds() -> ColumnElement[bool]:
    """Of answers: those that become labels. Without overlap that is every one, with it the decided one alone."""
    several = select(OverlapRow.query_id)
    decided = select(OverlapRow.decided).where(OverlapRow.decided.is_not(None))
    return or_(AnswerRow.query_id.not_in(several), AnswerRow.id.in_(decided))


def said() -> Select[Any]:
    """The ids of questions that have an answer that holds."""
    return select(AnswerRow.query_id).where(holds())


def compare(session: Session, query: str) -> OverlapRow | None:
    """Look again at the answers to a question: once all are there, say how far they agree and which holds.

    The first answer holds where they agree. What a review decided stays. A question without overlap is left alone.
    """
    row = session.get(OverlapRow, query)
    if row is None or row.reviewer is not None:
        return row
    answers = list(session.scalars(select(AnswerRow).where(AnswerRow.query_id == query).order_by(AnswerRow.id)))
    if len(answers) < row.needed:
        row.agreement, row.decided = None, None
        return row
    named = {answer.id: classes_of(session, answer.id) for answer in answers}
    first = answers[0]
    row.agreement = min(agreement(first, other, named) for other in answers[1:]) if len(answers) > 1 else 1.0
    row.decided = first.id if row.agreement >= row.agree else None
    return row


def classes_of(session: Session, answer: int) -> tuple[int, ...]:
    """The classes an answer names."""
    chosen = select(AnswerClassRow.class_index).where(AnswerClassRow.answer_id == answer)
    return tuple(session.scalars(chosen.order_by(AnswerClassRow.position)))


def agreement(one: AnswerRow, other: AnswerRow, classes: dict[int, tuple[int, ...]]) -> float:
    """How far two answers to one question agree: the share of equal pixels where both are drawn, else 1 or 0."""
    if one.status != other.status:
        return 0.0
    if one.status != AnswerStatus.ANSWERED.value:
        return 1.0
    if one.dense is not None and other.dense is not None:
        first, second = (np.frombuffer(zlib.decompress(dense), np.uint8) for dense in (one.dense, other.dense))
        return float((first == second).mean()) if len(first) == len(second) and len(first) else 0.0
    return float(set(classes[one.id]) == set(classes[other.id]))


def disputed(session: Session) -> Sequence[OverlapRow]:
    """Questions whose answers are all there and do not agree, no review yet."""
    due = OverlapRow.agreement.is_not(None) & OverlapRow.decided.is_(None)
    return list(session.scalars(select(OverlapRow).where(due)))
