"""Values of the project as rows of the tables, and back."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from seglens.store.tables import AnswerClassRow, AnswerRow, QueryRow
from seglens.types import Answer, AnswerKind, AnswerStatus, Cost, Provenance, Purpose, Query, Region


def query_row(position: int, query: Query) -> QueryRow:
    """A question as a row, at its place in the order asked."""
    region, estimate = query.region, query.estimate
    return QueryRow(
        id=query.id,
        round=query.round,
        position=position,
        image=region.image,
        height=region.size[0],
        width=region.size[1],
        region_key=region.key,
        region_index=region.index,
        runs=region.runs.astype("<i4").tobytes(),
        kind=query.kind.value,
        purpose=query.purpose.value,
        score=query.score,
        clicks=estimate.clicks,
        pixels=estimate.pixels,
        seconds=estimate.seconds,
        reason=dict(query.reason),
    )


def query_of(row: QueryRow) -> Query:
    """The question of a row."""
    runs = np.frombuffer(row.runs, "<i4").reshape(-1, 2)
    region = Region(row.image, (row.height, row.width), runs, row.region_key, row.region_index)
    estimate = Cost(row.clicks, row.pixels, row.seconds)
    return Query(row.id, row.round, region, AnswerKind(row.kind), row.score, estimate, row.reason, Purpose(row.purpose))


def store_answer(session: Session, answer: Answer) -> AnswerRow:
    """Add an answer with its classes; returns its row."""
    row = AnswerRow(
        query_id=answer.query,
        annotator=answer.annotator,
        status=answer.status.value,
        provenance=int(answer.provenance),
        clicks=answer.cost.clicks,
        pixels=answer.cost.pixels,
        seconds=answer.cost.seconds,
        dense=zlib.compress(answer.dense.tobytes()) if answer.dense is not None else None,
        point_y=answer.point[0] if answer.point else None,
        point_x=answer.point[1] if answer.point else None,
    )
    session.add(row)
    session.flush()
    for position, class_index in enumerate(answer.classes):
        session.add(AnswerClassRow(answer_id=row.id, position=position, class_index=class_index))
    return row


def answer_of(row: AnswerRow, classes: tuple[int, ...]) -> Answer:
    """The answer of a row and its classes."""
    dense = np.frombuffer(zlib.decompress(row.dense), np.uint8) if row.dense is not None else None
    point = (row.point_y, row.point_x) if row.point_y is not None and row.point_x is not None else None
    cost = Cost(row.clicks, row.pixels, row.seconds)
    return Answer(
        row.query_id, AnswerStatus(row.status), cost, Provenance(row.provenance), classes, dense, point, row.annotator
    )


def plain(row: QueryRow, leave_out: tuple[str, ...]) -> dict[str, Any]:
    """A question's columns as plain JSON values, its run-lengths as their checksum."""
    values = {c.key: getattr(row, c.key) for c in QueryRow.__table__.columns if c.key not in leave_out}
    values["runs"] = zlib.crc32(values["runs"])
    return values
