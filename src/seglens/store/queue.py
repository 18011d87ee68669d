"""The order in which questions are served, which of them a desk may have, and who has the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from seglens.store.rows import query_of
from seglens.store.tables import AnswerRow, ClaimRow, OverlapRow, QueryRow, RoundRow
from seglens.types import Query


@dataclass(frozen=True)
class Owner:
    """A person at a desk: one person may have several, a browser tab each."""

    person: str
    desk: str = ""


def in_order(statement: Select[Any]) -> Select[Any]:
    """The newest round's questions first, in the order asked; then what is left of earlier rounds."""
    return statement.order_by(QueryRow.round.desc(), QueryRow.position)


def first_free(session: Session, owner: Owner, moment: float, *also: ColumnElement[bool]) -> QueryRow | None:
    """The first question that this desk may claim; a round at a time, as the index has them: nothing is sorted."""
    for number in session.scalars(select(RoundRow.number).order_by(RoundRow.number.desc())):
        of_round = select(QueryRow).where(QueryRow.round == number, claimable(owner, moment), *also)
        row = session.scalars(of_round.order_by(QueryRow.position).limit(1)).first()
        if row is not None:
            return row
    return None


def behind(row: QueryRow) -> ColumnElement[bool]:
    """Of questions: of the same round, and served after it."""
    return and_(QueryRow.round == row.round, QueryRow.position > row.position)


def claimable(owner: Owner, moment: float) -> ColumnElement[bool]:
    """Of questions: this desk may claim it: the person has not answered it, and it lacks a person."""
    claims = (
        select(func.count())
        .where(ClaimRow.query_id == QueryRow.id, ClaimRow.expires > moment, ClaimRow.person != owner.person)
        .scalar_subquery()
    )
    elsewhere = (
        select(ClaimRow.query_id)
        .where(
            ClaimRow.query_id == QueryRow.id,
            ClaimRow.person == owner.person,
            ClaimRow.desk != owner.desk,
            ClaimRow.expires > moment,
        )
        .exists()
    )
    return and_(~_answered_by(owner), ~elsewhere, _answers() + claims < func.coalesce(_needed(), 1))


@dataclass(frozen=True)
class Waiting:
    """A question that still lacks an answer, as one desk sees it: who has it now, and whether this desk may have it."""

    query: Query
    persons: tuple[str, ...]
    here: bool
    free: bool


def waiting_for(session: Session, owner: Owner, moment: float, most: int) -> list[Waiting]:
    """The first ``most`` questions that lack an answer which this person could give, on whosever desk they are."""
    found: list[Waiting] = []
    for number in session.scalars(select(RoundRow.number).order_by(RoundRow.number.desc())):
        of_round = select(QueryRow).where(QueryRow.round == number, _lacks(owner)).order_by(QueryRow.position)
        found += [_seen(session, row, owner, moment) for row in session.scalars(of_round.limit(most - len(found)))]
        if len(found) >= most:
            break
    return found


def _seen(session: Session, row: QueryRow, owner: Owner, moment: float) -> Waiting:
    claims = list(session.scalars(select(ClaimRow).where(ClaimRow.query_id == row.id, ClaimRow.expires > moment)))
    here = any((claim.person, claim.desk) == (owner.person, owner.desk) for claim in claims)
    may = session.scalar(select(QueryRow.id).where(QueryRow.id == row.id, claimable(owner, moment))) is not None
    return Waiting(query_of(row), tuple(sorted(claim.person for claim in claims)), here, may)


def _lacks(owner: Owner) -> ColumnElement[bool]:
    """Of questions: fewer have answered than are needed, and this person is none of them."""
    return and_(~_answered_by(owner), _answers() < func.coalesce(_needed(), 1))


def _needed() -> Any:
    return select(OverlapRow.needed).where(OverlapRow.query_id == QueryRow.id).scalar_subquery()


def _answers() -> Any:
    return select(func.count()).where(AnswerRow.query_id == QueryRow.id).scalar_subquery()


def _answered_by(owner: Owner) -> ColumnElement[bool]:
    return select(AnswerRow.id).where(AnswerRow.query_id == QueryRow.id, AnswerRow.annotator == owner.person).exists()
