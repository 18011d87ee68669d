"""Answers that were changed elsewhere since they were stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.store.desk import as_given, given_by, replace
from seglens.store.overlap import compare
from seglens.store.repository import Repository
from seglens.store.tables import OverlapRow, QueryRow
from seglens.types import Answer, AnswerStatus


@dataclass(frozen=True)
class Changes:
    """What became of answers that came again: ``fresh`` ones are not stored yet, the others are counts."""

    fresh: Sequence[Answer]
    known: int = 0
    changed: int = 0
    decided: int = 0


def take_changes(repo: Repository, answers: Sequence[Answer]) -> Changes:
    """Put answers in the place of those that the same people gave to the same questions before.

    Each earlier answer is kept as it stood (``RevisionRow``); what was paid does not get less. Where a review has
    decided, nothing changes (``decided``). Answers that say the same are ``known``.

    Args:
        repo: the run's database.
        answers: one at most of each person to each question.
    """
    fresh: list[Answer] = []
    known = changed = decided = 0
    with repo.writing() as session:
        for answer in answers:
            row = given_by(session, answer.query, answer.annotator)
            if row is None:
                fresh.append(answer)
                continue
            overlap = session.get(OverlapRow, answer.query)
            if same(as_given(session, row, session.get_one(QueryRow, answer.query)).answer, answer):
                known += 1
            elif overlap is not None and overlap.reviewer is not None:
                decided += 1
            else:
                replace(session, row, answer).revision += 1
                session.flush()
                compare(session, answer.query)
                changed += 1
    return Changes(fresh, known, changed, decided)


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers to one question say the same, whatever they cost."""
    if (one.status, one.point, set(one.classes)) != (other.status, other.point, set(other.classes)):
        return False
    if one.dense is None or other.dense is None:
        return one.dense is other.dense
    return one.status is AnswerStatus.SKIPPED or bool(np.array_equal(one.dense, other.dense))
