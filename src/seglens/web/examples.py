"""What people called each class so far, as boxes to crop: the latest answers, those alone that hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import ndimage
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from seglens.functional.run_lengths import box, encode, indices
from seglens.store import Repository
from seglens.store.overlap import classes_of, holds
from seglens.store.rows import answer_of, query_of
from seglens.store.tables import AnswerClassRow, AnswerRow, QueryRow
from seglens.types import IGNORE, AnswerStatus, ByteArray, Provenance, Query, Region
from seglens.web.thumbs import Box

EXAMPLES = 6
"""Most of a class."""
MARGIN = 24
"""Pixels of surroundings in an example."""
POINT = 3
"""Pixels around a point that are outlined."""
LEAST = 25
"""Fewest pixels of a drawn patch that shows anything."""
LOOKED_AT = 2**25
"""Pixels of drawn answers that are looked through, the latest first: 16 images of 2048 x 1024."""


@dataclass(frozen=True)
class Example:
    """A place in the image of a question: top, left, bottom, right, half-open, surroundings included."""

    query: str
    box: Box
    at: datetime


def examples(repo: Repository, classes: int) -> list[list[Example]]:
    """Places of each class, the latest first.

    Of regions that were named: those whose answer names this class alone; of a point, the point. Of drawn regions: the
    largest patch of the class. Answers about which people disagree, and no review has decided, show nothing.

    Args:
        repo: of the run.
        classes: number of classes.

    Returns:
        At most ``EXAMPLES`` of each class.
    """
    with repo.transaction() as session:
        found = [list(_named(session, index)) for index in range(classes)]
        drawn: list[list[Example]] = [[] for _ in range(classes)]
        looked = 0
        of_pixels = _answers().where(AnswerRow.dense.is_not(None)).execution_options(yield_per=16)
        for answer, query in session.execute(of_pixels):
            lacking = [index for index in range(classes) if len(drawn[index]) < EXAMPLES]
            if not lacking or looked >= LOOKED_AT:
                break
            region, dense = query_of(query).region, answer_of(answer, ()).dense
            assert dense is not None
            for index, place in patches(region, dense, lacking):
                drawn[index].append(Example(query.id, place, answer.answered_at))
            looked += region.pixels
    for index in range(classes):
        found[index] = sorted([*found[index], *drawn[index]], key=lambda one: one.at, reverse=True)[:EXAMPLES]
    return found


def outlined(repo: Repository, asked: Query, index: int) -> Region | None:
    """The pixels of a question that its answer calls a class: where a point is, its surroundings; None: none.

    Args:
        repo: of the run.
        asked: the question.
        index: of the class.
    """
    with repo.transaction() as session:
        row = session.execute(_answers().where(QueryRow.id == asked.id).limit(1)).first()
        if row is None:
            return None
        said = answer_of(row[0], classes_of(session, row[0].id))
    region = asked.region
    mask = np.zeros(region.size, bool)
    if said.dense is not None:
        mask.ravel()[indices(region.runs)[said.dense == index]] = True
    elif index in said.classes and said.point is not None:
        y, x = said.point
        mask[max(y - POINT, 0) : y + POINT + 1, max(x - POINT, 0) : x + POINT + 1] = True
    elif index in said.classes:
        return region
    return Region(region.image, region.size, encode(mask), region.key, region.index) if mask.any() else None


def _answers() -> Any:
    """Answers that hold and say something, people's own, with their questions; the latest first."""
    return (
        select(AnswerRow, QueryRow)
        .join(QueryRow, QueryRow.id == AnswerRow.query_id)
        .where(AnswerRow.status == AnswerStatus.ANSWERED.value, AnswerRow.provenance == int(Provenance.PERSON), holds())
        .order_by(AnswerRow.answered_at.desc(), AnswerRow.id.desc())
    )


def _named(session: Session, index: int) -> Iterator[Example]:
    count = select(func.count()).where(AnswerClassRow.answer_id == AnswerRow.id).scalar_subquery()
    of_class = select(AnswerClassRow.answer_id).where(AnswerClassRow.class_index == index)
    for answer, query in session.execute(_answers().where(AnswerRow.id.in_(of_class), count == 1).limit(EXAMPLES)):
        region = query_of(query).region
        if answer.point_y is None or answer.point_x is None:
            place = _around(box(region.runs, region.size), region)
        else:
            place = _around((answer.point_y, answer.point_x, answer.point_y + 1, answer.point_x + 1), region)
        yield Example(query.id, place, answer.answered_at)


def patches(region: Region, dense: ByteArray, wanted: list[int]) -> Iterator[tuple[int, Box]]:
    """(class, box with its surroundings) of the largest connected patch of each class that is wanted and there.

    Args:
        region: what was asked about.
        dense: (pixels,) uint8 its classes, in run order.
        wanted: classes to look for.
    """
    height, width = region.size
    full = np.full(height * width, IGNORE, np.uint8)
    full[indices(region.runs)] = dense
    top, left, bottom, right = box(region.runs, region.size)
    inside = full.reshape(height, width)[top:bottom, left:right]
    counts = np.bincount(dense, minlength=256)
    for index in wanted:
        if counts[index] < LEAST:
            continue
        pieces, _ = ndimage.label(inside == index)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        largest = int(sizes.argmax())
        if sizes[largest] < LEAST:
            continue
        rows, columns = ndimage.find_objects(pieces)[largest - 1]
        place = (top + rows.start, left + columns.start, top + rows.stop, left + columns.stop)
        yield index, _around(place, region)


def _around(place: Box | list[int], region: Region) -> Box:
    top, left, bottom, right = place
    height, width = region.size
    return max(top - MARGIN, 0), max(left - MARGIN, 0), min(bottom + MARGIN, height), min(right + MARGIN, width)
