"""What lies on people's desks: questions claimed for a time, drafts, answers handed in and changed."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from seglens.store.overlap import classes_of, compare, said
from seglens.store.queue import Owner, Waiting, behind, claimable, first_free, in_order, waiting_for
from seglens.store.repository import Repository
from seglens.store.rows import answer_of, query_of, store_answer
from seglens.store.tables import (
    AnswerClassRow,
    AnswerRow,
    ClaimRow,
    DraftRow,
    OverlapRow,
    QueryRow,
    RevisionRow,
    now,
)
from seglens.types import Answer, Query, SeglensError

CLAIM_SECONDS = 300.0


class TakenError(SeglensError):
    """Somebody else has the question, or it was answered already."""


class UnknownQueryError(SeglensError):
    """No such question."""


class StaleError(SeglensError):
    """A save that is older than what is stored; ``revision`` is the stored one."""

    def __init__(self, message: str, revision: int) -> None:
        super().__init__(message)
        self.revision = revision


@dataclass(frozen=True)
class Draft:
    """An unfinished answer: the page's own JSON."""

    revision: int
    body: bytes


@dataclass(frozen=True)
class Given:
    """A person's answer with what is known of its making."""

    answer: Answer
    edits: int
    revision: int
    at: datetime
    query: Query
    row: int


class Desk:
    """The desks of a run. Every method is one short transaction; what it decides by stays true until it commits.

    Args:
        repo: the run's store.
        clock: seconds since 1970.
        claim_seconds: how long a question stays on a desk that does nothing.
    """

    def __init__(
        self, repo: Repository, clock: Callable[[], float] = time.time, claim_seconds: float = CLAIM_SECONDS
    ) -> None:
        self.repo = repo
        self.clock = clock
        self.claim_seconds = claim_seconds

    # -- claims -----------------------------------------------------------------------------------------------------
    def claim(self, owner: Owner, after: str | None = None) -> Query | None:
        """The next question for a desk, claimed: its own unanswered one first, then the order asked.

        Args:
            owner: who asks for it.
            after: a question to leave: it returns to the others, and those that follow it come first.

        Returns:
            The question; None where nothing is left for this person.
        """
        with self.repo.writing(synced=False) as session:
            moment = self.clock()
            if after is not None:
                _release(session, after, owner)
            own = in_order(select(QueryRow).join(ClaimRow, ClaimRow.query_id == QueryRow.id)).where(
                ClaimRow.person == owner.person, ClaimRow.desk == owner.desk, ClaimRow.expires > moment
            )
            row = session.scalars(own.limit(1)).first()
            if row is None:
                left = session.get(QueryRow, after) if after is not None else None
                if left is not None:
                    row = first_free(session, owner, moment, or_(QueryRow.round < left.round, behind(left)))
                row = row or first_free(session, owner, moment)
            if row is None:
                return None
            self._claim(session, row.id, owner, moment)
            return query_of(row)

    def claim_one(self, owner: Owner, id: str) -> Query:
        """Claim just this question.

        Raises:
            UnknownQueryError: no such question.
            TakenError: another has it, or it was answered.
        """
        with self.repo.writing(synced=False) as session:
            row = _row(session, id)
            moment = self.clock()
            if not self._has(session, id, owner, moment):
                self._refuse(session, id, owner, moment)
            self._claim(session, id, owner, moment)
            return query_of(row)

    def claim_several(self, owner: Owner, ids: Sequence[str]) -> list[str]:
        """Claim those of these questions that are free; returns them."""
        with self.repo.writing(synced=False) as session:
            moment = self.clock()
            free = set(session.scalars(select(QueryRow.id).where(QueryRow.id.in_(ids), claimable(owner, moment))))
            taken = [id for id in ids if id in free]
            for id in taken:
                self._claim(session, id, owner, moment)
            return taken

    def renew(self, owner: Owner, id: str) -> float:
        """Keep a claim for its whole time anew; returns the seconds.

        Raises:
            TakenError: it ran out and another took it since.
        """
        self.claim_one(owner, id)
        return self.claim_seconds

    def release(self, owner: Owner, id: str) -> None:
        """Give a question back; not having it changes nothing."""
        with self.repo.writing(synced=False) as session:
            _row(session, id)
            _release(session, id, owner)

    def leave(self, owner: Owner) -> None:
        """Give everything back that lies on a desk."""
        with self.repo.writing(synced=False) as session:
            session.execute(delete(ClaimRow).where(ClaimRow.person == owner.person, ClaimRow.desk == owner.desk))

    def seconds_left(self, owner: Owner, id: str) -> float:
        """How long a desk's claim lasts; 0 where it has none."""
        with self.repo.transaction() as session:
            row = session.get(ClaimRow, (id, owner.person))
            return max(row.expires - self.clock(), 0.0) if row is not None and row.desk == owner.desk else 0.0

    def claimed(self, round: int | None) -> int:
        """How many questions of a round, or of all, are on desks."""
        chosen = select(func.count()).select_from(ClaimRow).where(ClaimRow.expires > self.clock())
        if round is not None:
            chosen = chosen.join(QueryRow, QueryRow.id == ClaimRow.query_id).where(QueryRow.round == round)
        with self.repo.transaction() as session:
            return session.scalar(chosen) or 0

    def free(self, owner: Owner, kind: str) -> list[str]:
        """Ids of the open questions of a kind that this desk could claim, in the order asked."""
        with self.repo.transaction() as session:
            chosen = select(QueryRow.id).where(QueryRow.kind == kind, claimable(owner, self.clock()))
            return list(session.scalars(in_order(chosen)))

    def queue(self, owner: Owner, most: int) -> list[Waiting]:
        """The next questions for a desk and what others have of them, in the order asked."""
        with self.repo.transaction() as session:
            return waiting_for(session, owner, self.clock(), most)

    def waiting(self, most: int | None = None, image: str | None = None) -> list[Query]:
        """The first open questions, of one image or of all, whoever has them, in the order asked."""
        with self.repo.transaction() as session:
            chosen = in_order(select(QueryRow).where(QueryRow.id.not_in(said()))).limit(most)
            if image is not None:
                chosen = chosen.where(QueryRow.image == image)
            return [query_of(row) for row in session.scalars(chosen)]

    # -- drafts -----------------------------------------------------------------------------------------------------
    def save(self, owner: Owner, id: str, draft: Draft) -> None:
        """Store a draft and renew the claim.

        Raises:
            StaleError: as new or newer stands there already; nothing changes.
            TakenError: the claim ran out and another has the question since.
        """
        body = zlib.compress(draft.body, 1)
        with self.repo.writing(synced=False) as session:
            _row(session, id)
            moment = self.clock()
            given = given_by(session, id, owner.person)
            if given is None and not self._has(session, id, owner, moment):
                self._refuse(session, id, owner, moment)
            row = session.get(DraftRow, (id, owner.person))
            stored = max(row.revision if row else 0, given.revision if given else 0)
            if draft.revision <= stored:
                raise StaleError(
                    f"revision: found {draft.revision}, but {stored} is stored already; nothing was changed", stored
                )
            if row is None:
                session.add(DraftRow(query_id=id, person=owner.person, revision=draft.revision, body=body))
            else:
                row.revision, row.body, row.saved_at = draft.revision, body, now()
            if given is None:
                self._claim(session, id, owner, moment)

    def draft(self, person: str, id: str) -> Draft | None:
        """A person's draft of an answer."""
        with self.repo.transaction() as session:
            row = session.get(DraftRow, (id, person))
            return Draft(row.revision, zlib.decompress(row.body)) if row is not None else None

    # -- answers ----------------------------------------------------------------------------------------------------
    def hand_in(self, owner: Owner, answer: Answer, edits: int, revision: int, kept: bytes | None = None) -> bool:
        """Store an answer, or put it in the place of the person's earlier one, which is kept as it stood.

        Args:
            owner: who answers; ``answer.annotator`` is this person.
            answer: the answer.
            edits: gestures it took.
            revision: the page's count of the person's saves to this question.
            kept: a draft that says the same and how it came about; it stays, for going on from the answer.

        Returns:
            Whether anything changed: the same revision again changes nothing.

        Raises:
            StaleError: a newer revision is stored.
            TakenError: another has the question, or enough have answered it, or a review has decided.
        """
        packed = zlib.compress(kept, 1) if kept is not None else None
        with self.repo.writing() as session:
            _row(session, answer.query)
            moment = self.clock()
            given = given_by(session, answer.query, owner.person)
            draft = session.get(DraftRow, (answer.query, owner.person))
            if given is not None and revision == given.revision:
                return False
            stored = max(given.revision if given else 0, draft.revision if draft else 0)
            if revision < stored:
                raise StaleError(f"revision: found {revision}, but {stored} is stored; nothing was changed", stored)
            if given is None:
                if not self._has(session, answer.query, owner, moment):
                    self._refuse(session, answer.query, owner, moment)
                row = store_answer(session, answer)
            else:
                overlap = session.get(OverlapRow, answer.query)
                own = overlap is not None and (overlap.reviewer, overlap.decided) == (owner.person, given.id)
                if overlap is not None and overlap.reviewer is not None and not own:
                    raise TakenError(f"question '{answer.query}': {overlap.reviewer} has decided it in a review")
                row = replace(session, given, answer)
            row.edits, row.revision = max(row.edits or 0, edits), revision
            session.flush()
            compare(session, answer.query)
            session.execute(delete(DraftRow).where(DraftRow.query_id == answer.query, DraftRow.person == owner.person))
            if packed is not None:
                session.add(DraftRow(query_id=answer.query, person=owner.person, revision=revision, body=packed))
            _release(session, answer.query, owner)
            return True

    def given(self, person: str, id: str) -> Given | None:
        """A person's answer to a question."""
        with self.repo.transaction() as session:
            row = given_by(session, id, person)
            return as_given(session, row, session.get_one(QueryRow, id)) if row is not None else None

    def history(self, person: str, limit: int, before: int | None) -> list[Given]:
        """A person's answers, the newest first, from before the one whose number is ``before``."""
        chosen = select(AnswerRow, QueryRow).join(QueryRow, QueryRow.id == AnswerRow.query_id)
        chosen = chosen.where(AnswerRow.annotator == person).order_by(AnswerRow.id.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(AnswerRow.id < before)
        with self.repo.transaction() as session:
            return [as_given(session, answer, query) for answer, query in session.execute(chosen)]

    def query(self, id: str) -> tuple[Query, int, int]:
        """A question, its place in its round and how many that round asked.

        Raises:
            UnknownQueryError: no such question.
        """
        with self.repo.transaction() as session:
            row = _row(session, id)
            of = session.scalar(select(func.count()).select_from(QueryRow).where(QueryRow.round == row.round))
            return query_of(row), row.position, of or 0

    # -- in a transaction -------------------------------------------------------------------------------------------
    def _has(self, session: Session, id: str, owner: Owner, moment: float) -> bool:
        """Whether the desk's claim stands, or nobody has taken the question since it ran out."""
        row = session.get(ClaimRow, (id, owner.person))
        if row is not None and row.desk == owner.desk and row.expires > moment:
            return True
        return session.scalar(select(QueryRow.id).where(QueryRow.id == id, claimable(owner, moment))) is not None

    def _claim(self, session: Session, id: str, owner: Owner, moment: float) -> None:
        row = session.get(ClaimRow, (id, owner.person))
        expires = moment + self.claim_seconds
        if row is None:
            session.add(ClaimRow(query_id=id, person=owner.person, desk=owner.desk, expires=expires))
        else:
            row.desk, row.expires = owner.desk, expires

    def _refuse(self, session: Session, id: str, owner: Owner, moment: float) -> None:
        if given_by(session, id, owner.person) is not None:
            raise TakenError(f"question '{id}': you have answered it already; change that answer instead")
        row = session.scalars(select(ClaimRow).where(ClaimRow.query_id == id, ClaimRow.expires > moment)).first()
        if row is not None:
            who = "another desk of yours" if row.person == owner.person else "somebody else"
            raise TakenError(f"question '{id}': {who} has it at the moment")
        raise TakenError(f"question '{id}': answered by as many as it needs")


def _release(session: Session, id: str, owner: Owner) -> None:
    own = (ClaimRow.query_id == id, ClaimRow.person == owner.person, ClaimRow.desk == owner.desk)
    session.execute(delete(ClaimRow).where(*own))


def _row(session: Session, id: str) -> QueryRow:
    row = session.get(QueryRow, id)
    if row is None:
        raise UnknownQueryError(f"question '{id[:64]}': this run never asked it")
    return row


def given_by(session: Session, id: str, person: str) -> AnswerRow | None:
    """A person's answer to a question."""
    return session.scalars(select(AnswerRow).where(AnswerRow.query_id == id, AnswerRow.annotator == person)).first()


def as_given(session: Session, row: AnswerRow, query: QueryRow) -> Given:
    """An answer with what is known of its making."""
    answer = answer_of(row, classes_of(session, row.id))
    return Given(answer, row.edits, row.revision, row.answered_at, query_of(query), row.id)


def replace(session: Session, row: AnswerRow, answer: Answer) -> AnswerRow:
    """Put an answer in the place of a person's earlier one, whose draft goes. What was paid does not get less."""
    kept = ("revision", "status", "dense", "point_y", "point_x", "clicks", "pixels", "seconds", "edits", "answered_at")
    values = {name: getattr(row, name) for name in kept}
    session.add(RevisionRow(answer_id=row.id, classes=list(classes_of(session, row.id)), **values))
    row.status, row.provenance = answer.status.value, int(answer.provenance)
    row.clicks, row.seconds = max(row.clicks, answer.cost.clicks), max(row.seconds, answer.cost.seconds)
    row.pixels, row.answered_at, row.held = answer.cost.pixels, now(), False
    row.dense = zlib.compress(answer.dense.tobytes()) if answer.dense is not None else None
    row.point_y, row.point_x = answer.point or (None, None)
    session.execute(delete(AnswerClassRow).where(AnswerClassRow.answer_id == row.id))
    session.execute(delete(DraftRow).where(DraftRow.query_id == row.query_id, DraftRow.person == row.annotator))
    for position, class_index in enumerate(answer.classes):
        session.add(AnswerClassRow(answer_id=row.id, position=position, class_index=class_index))
    return row
