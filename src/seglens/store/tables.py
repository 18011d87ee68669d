"""The tables of a run: images, rounds, queries, answers with their class sets, metrics and append-only events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of the tables."""


class MetaRow(Base):
    """Facts about the whole run: state, config digest, dataset fingerprint."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]


class RoundRow(Base):
    """A round: the stage to do next, and what it may spend."""

    __tablename__ = "rounds"
    number: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str | None] = mapped_column(String(16))  # None: the round is done
    allowance: Mapped[float] = mapped_column(default=0.0)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


class ImageRow(Base):
    """An image of the pool, at its place in the pool's order. What became of it stands in queries and answers."""

    __tablename__ = "images"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    sequence: Mapped[str]
    height: Mapped[int]
    width: Mapped[int]
    score: Mapped[float | None]  # None: no round has scored it

    __table_args__ = (
        Index("ix_images_sequence_position", "sequence", "position"),
        Index("ix_images_score_position", "score", "position"),
    )


class QueryRow(Base):
    """A question. ``runs`` is the region's (n, 2) little-endian int32 run-lengths."""

    __tablename__ = "queries"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    round: Mapped[int] = mapped_column(ForeignKey("rounds.number"))
    position: Mapped[int]
    image: Mapped[str] = mapped_column(index=True)
    height: Mapped[int]
    width: Mapped[int]
    region_key: Mapped[str]
    region_index: Mapped[int]
    runs: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(8))
    score: Mapped[float]
    clicks: Mapped[float]  # estimates; what was paid stands with the answer
    pixels: Mapped[float]
    seconds: Mapped[float]
    reason: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)

    __table_args__ = (Index("ix_queries_round_position", "round", "position"),)


class AnswerRow(Base):
    """What one annotator said to a question. ``dense``: zlib-compressed uint8, a class for each pixel of the region."""

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    query_id: Mapped[str] = mapped_column(ForeignKey("queries.id"), index=True)
    annotator: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(String(16))
    provenance: Mapped[int]
    clicks: Mapped[float]
    pixels: Mapped[float]
    seconds: Mapped[float]
    dense: Mapped[bytes | None] = mapped_column(LargeBinary)
    point_y: Mapped[int | None]
    point_x: Mapped[int | None]
    held: Mapped[bool] = mapped_column(default=False)
    edits: Mapped[int] = mapped_column(default=0, server_default="0")
    revision: Mapped[int] = mapped_column(default=0, server_default="0")  # the page's own count; 0 = came by file
    answered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)

    __table_args__ = (UniqueConstraint("query_id", "annotator"),)


class AnswerClassRow(Base):
    """The classes an answer names: one for a dominant class or point, several for a class set."""

    __tablename__ = "answer_classes"
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    class_index: Mapped[int]


class OverlapRow(Base):
    """A question that several people answer, or a reviewer has decided.

    ``decided``: the answer that holds, by agreement or by a review. ``review_…``: what it took the reviewer to take
    somebody's answer; an answer of the reviewer's own holds its cost itself.
    """

    __tablename__ = "overlaps"
    query_id: Mapped[str] = mapped_column(ForeignKey("queries.id"), primary_key=True)
    needed: Mapped[int]
    agree: Mapped[float]  # share of equal pixels from which drawn answers agree
    agreement: Mapped[float | None]  # of the answers, 0 to 1; None = not all are there
    decided: Mapped[int | None]  # answers.id
    reviewer: Mapped[str | None]
    review_seconds: Mapped[float] = mapped_column(default=0.0, server_default="0")
    review_clicks: Mapped[float] = mapped_column(default=0.0, server_default="0")
    review_edits: Mapped[int] = mapped_column(default=0, server_default="0")


class RevisionRow(Base):
    """An answer as it stood before its annotator changed it; never changed."""

    __tablename__ = "revisions"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("answers.id"), index=True)
    revision: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    classes: Mapped[list[int]] = mapped_column(JSON)
    dense: Mapped[bytes | None] = mapped_column(LargeBinary)
    point_y: Mapped[int | None]
    point_x: Mapped[int | None]
    clicks: Mapped[float]
    pixels: Mapped[float]
    seconds: Mapped[float]
    edits: Mapped[int]
    answered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PersonRow(Base):
    """Somebody who may use the page. ``password``: scrypt with its own salt; None = tokens only."""

    __tablename__ = "people"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str | None] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


class TokenRow(Base):
    """What lets a person in without the password: only its SHA-256 is kept. A session ends, a token does not."""

    __tablename__ = "tokens"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    expires: Mapped[float | None]  # seconds since 1970
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


class ClaimRow(Base):
    """A question that is on somebody's desk for a time."""

    __tablename__ = "claims"
    query_id: Mapped[str] = mapped_column(ForeignKey("queries.id"), primary_key=True)
    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    desk: Mapped[str] = mapped_column(String(64))
    expires: Mapped[float]  # seconds since 1970


class DraftRow(Base):
    """A person's unfinished answer, or how an answer came about, as the page made it: zlib-compressed JSON."""

    __tablename__ = "drafts"
    query_id: Mapped[str] = mapped_column(ForeignKey("queries.id"), primary_key=True)
    person: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    saved_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


class MetricRow(Base):
    """One figure of a round. ``truth`` names the size of the truth ("native", "model") or is empty for counts."""

    __tablename__ = "metrics"
    round: Mapped[int] = mapped_column(ForeignKey("rounds.number"), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    truth: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    class_index: Mapped[int] = mapped_column(primary_key=True, default=-1)  # -1: over all classes
    value: Mapped[float | None]  # None: the class has an empty union


class EventRow(Base):
    """What happened, in order; never changed."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    round: Mapped[int | None]
    stage: Mapped[str | None] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
