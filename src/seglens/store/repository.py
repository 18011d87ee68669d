"""What the rest of the system asks of the database, in the project's words."""

from __future__ import annotations

import json
import threading
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from seglens.files import no_space
from seglens.store.database import connect, is_full, is_lost, located, lost, migrate, place
from seglens.store.overlap import compare, holds, said
from seglens.store.rows import answer_of, plain, query_of, query_row, store_answer
from seglens.store.tables import (
    AnswerClassRow,
    AnswerRow,
    EventRow,
    MetaRow,
    MetricRow,
    OverlapRow,
    QueryRow,
    RoundRow,
)
from seglens.types import Answer, Answered, Cost, ImageId, Purpose, Query, SeglensError, Stage

RUN_ID = "run-id"
"""The fact under which the run's id is stored."""
WRITERS = 7_345_364
"""PostgreSQL's number of the lock that a writer holds; SQLite has one of its own."""
RETRIES = 5
"""How often answers are stored anew when another process wrote at the same moment."""


@dataclass(frozen=True)
class Round:
    """A round as stored: the stage to do next (None = done) and its allowance."""

    number: int
    stage: Stage | None
    allowance: float
    started_at: datetime


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    at: datetime
    round: int | None
    stage: str | None
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """One figure of a round; ``class_index`` -1 = over all classes; value None = the class has an empty union."""

    round: int
    name: str
    truth: str
    class_index: int
    value: float | None


class Repository:
    """A run's database. Every writing method is one transaction, or joins the one opened by ``transaction``."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.engine = connect(url)
        migrate(self.engine, name)
        self._local = threading.local()
        self._writing = threading.RLock()

    @classmethod
    def of_run(cls, run: Path) -> Repository:
        """The repository of a run's folder.

        Raises:
            SeglensError: no run there.
        """
        return cls(*located(run))

    @classmethod
    def create(cls, run: Path, url: str | None = None) -> Repository:
        """A new database in a run's folder, or at its ``store.url``."""
        return cls(*place(run, url))

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @property
    def _session(self) -> Session | None:
        """The transaction that this thread has open."""
        session: Session | None = getattr(self._local, "session", None)
        return session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction of this thread: everything inside is committed together, or nothing is."""
        if self._session is not None:
            yield self._session
            return
        try:
            with Session(self.engine) as session, session.begin():
                self._local.session = session
                yield session
        except OperationalError as error:
            if is_full(error):
                raise no_space(Path(self.name)) from None
            if is_lost(error):
                raise lost(self.name, error) from None
            raise
        finally:
            self._local.session = None

    @contextmanager
    def writing(self, synced: bool = True) -> Iterator[Session]:
        """A transaction that holds the write lock from its beginning: what it reads stays true until it commits.

        Threads of this process wait for each other in turn, other processes for as long as the busy timeout.

        Args:
            synced: wait until the disk has it. Otherwise it outlives every process, but not a loss of power: enough
                for what is written every few seconds (claims, drafts).
        """
        if self._session is not None:
            yield self._session
            return
        with self._writing, self.transaction() as session:
            if self.engine.dialect.name == "sqlite":
                if not synced:
                    session.execute(text("PRAGMA synchronous=NORMAL"))
                session.execute(text("BEGIN IMMEDIATE"))
            else:
                session.execute(text(f"SELECT pg_advisory_xact_lock({WRITERS})"))
            yield session

    # -- facts and rounds -------------------------------------------------------------------------------------------
    def meta(self, key: str) -> str | None:
        """A fact about the run, or None."""
        with self.transaction() as session:
            row = session.get(MetaRow, key)
            return row.value if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about the run."""
        with self.transaction() as session:
            session.merge(MetaRow(key=key, value=value))

    def run_id(self) -> str:
        """The id of a run, drawn once by chance: two runs of one config ask equal questions, and are still two."""
        known = self.meta(RUN_ID)
        if known is None:
            with self.writing():
                known = self.meta(RUN_ID) or uuid.uuid4().hex
                self.set_meta(RUN_ID, known)
        return known

    def rounds(self) -> list[Round]:
        """Every round begun, in order."""
        with self.transaction() as session:
            rows = session.scalars(select(RoundRow).order_by(RoundRow.number))
            return [Round(r.number, Stage(r.stage) if r.stage else None, r.allowance, r.started_at) for r in rows]

    def begin_round(self, number: int, allowance: float) -> None:
        """Begin a round at its first stage."""
        with self.transaction() as session:
            session.add(RoundRow(number=number, stage=Stage.NARROW.value, allowance=allowance))

    def advance(self, number: int, stage: Stage | None) -> None:
        """Set the stage that round ``number`` does next; None = the round is done."""
        with self.transaction() as session:
            session.get_one(RoundRow, number).stage = stage.value if stage else None

    # -- queries and answers ----------------------------------------------------------------------------------------
    def add_queries(self, queries: Sequence[Query]) -> None:
        """Store a round's questions in the order asked; those already there are left as they are."""
        with self.transaction() as session:
            known = set(session.scalars(select(QueryRow.id)))
            session.add_all(query_row(i, q) for i, q in enumerate(queries) if q.id not in known)

    def queries(self, round: int | None = None, purpose: Purpose | None = Purpose.LABEL) -> list[Query]:
        """Questions in the order asked, of one round or all, of one purpose or (None) all."""
        with self.transaction() as session:
            return [query_of(row) for row in session.scalars(_ordered(select(QueryRow), round, purpose))]

    def asked(self) -> list[tuple[int, ImageId, Mapping[str, Any]]]:
        """Round, image and reason of every question to label, in the order asked: without regions, so it is quick."""
        columns = (QueryRow.round, QueryRow.image, QueryRow.reason)
        with self.transaction() as session:
            return [(r, image, reason) for r, image, reason in session.execute(_ordered(select(*columns)))]

    def ask_several(self, ids: Sequence[str], needed: int, agree: float) -> None:
        """Have each question answered by ``needed`` people; drawn answers agree from that share of equal pixels."""
        with self.transaction() as session:
            known = set(session.scalars(select(OverlapRow.query_id)))
            session.add_all(OverlapRow(query_id=id, needed=needed, agree=agree) for id in ids if id not in known)

    def open_queries(self, purpose: Purpose | None = Purpose.LABEL) -> list[Query]:
        """Questions without an answer that holds, of one purpose or (None) all.

        Nobody's, not yet as many as are needed, or a review is due.
        """
        with self.transaction() as session:
            chosen = _ordered(select(QueryRow), None, purpose).where(QueryRow.id.not_in(said()))
            return [query_of(row) for row in session.scalars(chosen)]

    def standing(self, round: int) -> tuple[int, int]:
        """How many questions a round asked to learn from, and how many of them wait for an answer that holds."""
        label = (QueryRow.round == round, QueryRow.purpose == Purpose.LABEL.value)
        asked = select(func.count()).select_from(QueryRow).where(*label)
        with self.transaction() as session:
            waiting = session.scalar(asked.where(QueryRow.id.not_in(said())))
            return session.scalar(asked) or 0, waiting or 0

    def add_answers(self, answers: Sequence[Answer]) -> int:
        """Store answers; one by the same annotator to the same query is stored once. Returns how many were new.

        Raises:
            SeglensError: an answer to a query that was never asked; nothing is stored.
        """
        for attempt in range(RETRIES):
            try:
                return self._add_answers(answers)
            except (IntegrityError, OperationalError):  # another process stored answers between our look and our write
                if self._session is not None or attempt == RETRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _add_answers(self, answers: Sequence[Answer]) -> int:
        with self.transaction() as session:
            asked = set(session.scalars(select(QueryRow.id)))
            given = {(q, a) for q, a in session.execute(select(AnswerRow.query_id, AnswerRow.annotator))}
            new = 0
            for answer in answers:
                if answer.query not in asked:
                    raise SeglensError(f"answer to unknown query '{answer.query}': this run never asked it")
                if (answer.query, answer.annotator) in given:
                    continue
                given.add((answer.query, answer.annotator))
                store_answer(session, answer)
                compare(session, answer.query)
                new += 1
            return new

    def answered(self, image: ImageId | None = None, purpose: Purpose | None = Purpose.LABEL) -> list[Answered]:
        """Every question with the answer that holds, in order; of one image or all, one purpose or (None) all."""
        with self.transaction() as session:
            chosen = _ordered(select(QueryRow, AnswerRow), None, purpose)
            chosen = chosen.join(AnswerRow, AnswerRow.query_id == QueryRow.id)
            if image is not None:
                chosen = chosen.where(QueryRow.image == image)
            chosen = chosen.where(holds())
            pairs = session.execute(chosen.order_by(AnswerRow.id)).all()
            classes: dict[int, list[int]] = {}
            named = select(AnswerClassRow).order_by(AnswerClassRow.position)
            if image is not None:
                named = named.where(AnswerClassRow.answer_id.in_([a.id for _, a in pairs]))
            for row in session.scalars(named):
                classes.setdefault(row.answer_id, []).append(row.class_index)
            return [Answered(query_of(q), answer_of(a, tuple(classes.get(a.id, ())))) for q, a in pairs]

    def spent(self, through: int | None = None, purpose: Purpose | None = Purpose.LABEL) -> Cost:
        """What answers and their reviews have cost, of rounds up to ``through``, of one purpose or (None) all."""
        answers = (AnswerRow.query_id, AnswerRow.clicks, AnswerRow.pixels, AnswerRow.seconds)
        reviews = (OverlapRow.query_id, OverlapRow.review_clicks, literal(0.0), OverlapRow.review_seconds)
        paid = Cost(0.0, 0.0, 0.0)
        with self.transaction() as session:
            for of, *columns in (answers, reviews):
                chosen = select(*(func.coalesce(func.sum(c), 0.0) for c in columns)).join(QueryRow, QueryRow.id == of)
                if through is not None:
                    chosen = chosen.where(QueryRow.round <= through)
                if purpose is not None:
                    chosen = chosen.where(QueryRow.purpose == purpose.value)
                paid = paid + Cost(*(float(v) for v in session.execute(chosen).one()))
        return paid

    def hold(self, ids: Sequence[str]) -> None:
        """Mark exactly these queries' answers as held back by a gate."""
        with self.transaction() as session:
            for row in session.scalars(select(AnswerRow)):
                row.held = row.query_id in ids

    # -- metrics and events -----------------------------------------------------------------------------------------
    def set_metrics(self, metrics: Sequence[Metric]) -> None:
        """Store figures; the same figure again replaces the old one."""
        with self.transaction() as session:
            for m in metrics:
                session.merge(
                    MetricRow(round=m.round, name=m.name, truth=m.truth, class_index=m.class_index, value=m.value)
                )

    def metrics(self, round: int | None = None, name: str | None = None) -> list[Metric]:
        """Figures by round, name, truth and class."""
        key = (MetricRow.round, MetricRow.name, MetricRow.truth, MetricRow.class_index)
        chosen = select(MetricRow).order_by(*key)
        if round is not None:
            chosen = chosen.where(MetricRow.round == round)
        if name is not None:
            chosen = chosen.where(MetricRow.name == name)
        with self.transaction() as session:
            return [Metric(m.round, m.name, m.truth, m.class_index, m.value) for m in session.scalars(chosen)]

    def log(self, kind: str, round: int | None = None, stage: Stage | None = None, **data: Any) -> None:
        """Append an event."""
        with self.transaction() as session:
            session.add(EventRow(kind=kind, round=round, stage=stage.value if stage else None, data=data))

    def events(self, kind: str | None = None) -> list[Event]:
        """Events in order."""
        chosen = select(EventRow).order_by(EventRow.id)
        if kind is not None:
            chosen = chosen.where(EventRow.kind == kind)
        with self.transaction() as session:
            return [Event(e.at, e.round, e.stage, e.kind, e.data) for e in session.scalars(chosen)]

    def dump(self) -> str:
        """The canonical text of rounds, queries, answers and metrics: one JSON line each, times and durations left out.

        Two runs of the same config give the same text, however often they were killed and resumed.
        """
        lines: list[dict[str, Any]] = [
            {"round": r.number, "stage": r.stage, "allowance": r.allowance} for r in self.rounds()
        ]
        for query in self.queries(purpose=None):
            lines.append({"query": plain(query_row(0, query), leave_out=("created_at", "seconds", "position"))})
        for pair in sorted(self.answered(purpose=None), key=lambda p: (p.query.id, p.answer.annotator)):
            answer = pair.answer
            dense = zlib.crc32(answer.dense.tobytes()) if answer.dense is not None else None
            costs = (answer.cost.clicks, answer.cost.pixels)
            where = {"query": answer.query, "status": answer.status, "classes": answer.classes, "dense": dense}
            lines.append({"answer": where, "point": answer.point, "by": answer.provenance, "costs": costs})
        for m in (m for m in self.metrics() if not m.name.endswith("seconds")):
            lines.append({"metric": [m.round, m.name, m.truth, m.class_index, m.value]})
        return "\n".join(json.dumps(line, sort_keys=True) for line in lines) + "\n"


def _ordered(statement: Any, round: int | None = None, purpose: Purpose | None = Purpose.LABEL) -> Any:
    statement = statement.order_by(QueryRow.round, QueryRow.position)
    if purpose is not None:
        statement = statement.where(QueryRow.purpose == purpose.value)
    return statement if round is None else statement.where(QueryRow.round == round)
