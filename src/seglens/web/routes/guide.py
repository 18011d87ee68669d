"""The labelling guide: each class with a sentence and crops of what people called so."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy import select

from seglens.store.rows import query_of
from seglens.store.tables import AnswerClassRow, AnswerRow, QueryRow
from seglens.types import AnswerStatus
from seglens.web.asking import box_of
from seglens.web.figures import guide_texts
from seglens.web.office import Office
from seglens.web.who import Somebody, TheOffice

router = APIRouter(prefix="/api")
EXAMPLES = 6
MARGIN = 24
"""Pixels of surroundings in an example."""


@router.get("/guide")
def guide(office: TheOffice, person: Somebody) -> list[dict[str, Any]]:
    """Every class, with example crops from answers so far."""
    texts = guide_texts(office.run)
    return [
        {"index": i, "name": name, "text": texts.get(name, ""), "color": list(color), "examples": _examples(office, i)}
        for i, (name, color) in enumerate(zip(office.classes.names, office.classes.colors, strict=True))
    ]


def _examples(office: Office, index: int) -> list[str]:
    """Crops of regions that people gave this class alone; the largest of the latest."""
    chosen = (
        select(QueryRow)
        .join(AnswerRow, AnswerRow.query_id == QueryRow.id)
        .join(AnswerClassRow, AnswerClassRow.answer_id == AnswerRow.id)
        .where(AnswerRow.status == AnswerStatus.ANSWERED.value, AnswerClassRow.class_index == index)
        .order_by(AnswerRow.pixels.desc())
        .limit(EXAMPLES)
    )
    with office.repo.transaction() as session:
        queries = [query_of(row) for row in session.scalars(chosen)]
    found = []
    for query in queries:
        (top, left, bottom, right), (height, width) = box_of(query.region), query.region.size
        box = (max(top - MARGIN, 0), max(left - MARGIN, 0), min(bottom + MARGIN, height), min(right + MARGIN, width))
        found.append(f"/api/thumb?image={quote(query.image, safe='')}&box={','.join(map(str, box))}&size=160")
    return found
