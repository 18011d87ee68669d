"""From what the page sends to an answer of the store, or a refusal that says what does not fit."""

from __future__ import annotations

import numpy as np

from seglens.functional.cells import cell_of
from seglens.functional.run_lengths import indices
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    ClassTable,
    Cost,
    IntArray,
    Provenance,
    Query,
    Region,
    SeglensError,
)
from seglens.web.bodies import AnswerBody, ManyBody, Mask

DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)


def answer_from(query: Query, body: AnswerBody, classes: ClassTable, annotator: str) -> Answer:
    """The answer that a body gives to a question.

    Raises:
        SeglensError: it does not fit the question.
    """
    if body.status is AnswerStatus.EXPIRED:
        raise SeglensError(
            "status: 'expired' is nothing a person says; allowed: answered, void, unsure, missing-class, skipped"
        )
    if body.status is not AnswerStatus.ANSWERED:
        return Answer(
            query.id, body.status, Cost(body.clicks, 0.0, body.seconds), Provenance.PERSON, annotator=annotator
        )
    drawn = query.kind in DRAWN
    if drawn != (body.mask is not None):
        raise SeglensError(
            f"mask: a question of kind '{query.kind.value}' is {'' if drawn else 'not '}answered with a mask"
        )
    bad = [c for c in body.classes if c >= len(classes)]
    if bad:
        raise SeglensError(f"classes: found {bad[0]}; allowed: 0 to {len(classes) - 1}")
    dense = mask_of(query.region, body.mask, len(classes)) if body.mask is not None else None
    named = () if drawn else _named(query.kind, body.classes)
    if query.kind is AnswerKind.POINT:
        pixels = _point_pixels(query.region, body.point)
    else:
        pixels = query.region.pixels if dense is None else int((dense != IGNORE).sum())
    cost = Cost(body.clicks, pixels, body.seconds)
    point = body.point if query.kind is AnswerKind.POINT else None
    return Answer(query.id, body.status, cost, Provenance.PERSON, named, dense, point, annotator)


def share_of(body: ManyBody, query: Query, place: int, revision: int) -> AnswerBody:
    """What a body that answers several questions says to one of them, with its share of the effort.

    Of a candidate object it says that all of it is the class.

    Args:
        body: the body.
        query: the question.
        place: of the question among those of the body.
        revision: the page's count of the person's saves to this question.

    Raises:
        SeglensError: several classes for a candidate object.
    """
    count = len(dict.fromkeys(body.queries))
    clicks, edits = (total // count + (place < total % count) for total in (body.clicks, body.edits))
    effort = {"seconds": body.seconds / count, "clicks": clicks, "edits": edits}
    if query.kind is not AnswerKind.MASK:
        return AnswerBody(classes=body.classes, revision=revision, **effort)
    if len(body.classes) != 1:
        raise SeglensError(f"classes: a whole object is of one class, found {len(body.classes)}")
    whole = Mask(runs_by_class=[(body.classes[0], query.region.runs.tolist())])
    return AnswerBody(mask=whole, revision=revision, **effort)


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers to a question say the same."""
    drawn = [b"" if answer.dense is None else answer.dense.tobytes() for answer in (one, other)]
    return (one.status, one.classes, one.point) == (other.status, other.classes, other.point) and drawn[0] == drawn[1]


def mask_of(region: Region, mask: Mask, classes: int) -> ByteArray:
    """(pixels,) uint8: the class of each of a region's pixels, in run order; IGNORE where nothing is said.

    Args:
        region: what was asked about.
        mask: pixels by class.
        classes: number of classes.

    Raises:
        SeglensError: a class out of range, a run that leaves image or region, two runs over one pixel.
    """
    height, width = region.size
    said = [(value, np.array(runs, np.int64)) for value, runs in mask.runs_by_class if runs]
    for value, runs in said:
        if value >= classes and value != IGNORE:
            raise SeglensError(f"mask: class {value}; allowed: 0 to {classes - 1}, and {IGNORE} for not said")
        last = int((runs[:, 0] + runs[:, 1]).max())
        if last > height * width:
            raise SeglensError(f"mask: a run ends at pixel {last}, outside an image of {height} x {width}")
    total = sum(int(runs[:, 1].sum()) for _, runs in said)
    if total > region.pixels:
        raise SeglensError(
            f"mask: {total} pixels in its runs, the region has {region.pixels}: runs overlap or leave the region"
        )
    inside = indices(region.runs)
    full = np.full(height * width, IGNORE, np.uint8)
    seen = np.zeros(height * width, bool)
    allowed = np.zeros(height * width, bool)
    allowed[inside] = True
    covered = 0
    for value, runs in said:
        at: IntArray = indices(runs)
        if not allowed[at].all():
            raise SeglensError(
                f"mask: pixel {int(at[~allowed[at]][0])} of class {value} lies outside the region asked about"
            )
        seen[at] = True
        covered += len(at)
        if np.count_nonzero(seen) != covered:
            raise SeglensError(f"mask: two runs cover one pixel, one of them of class {value}")
        full[at] = value
    return full[inside]


def runs_of(region: Region, dense: ByteArray) -> list[list[object]]:
    """The pixels by class of a drawn answer, as the page sends them."""
    inside = indices(region.runs)
    found: list[list[object]] = []
    for value in np.unique(dense[dense != IGNORE]):
        at = inside[dense == value]
        breaks = np.flatnonzero(np.diff(at) != 1) + 1
        starts = at[np.concatenate([[0], breaks])]
        lengths = np.diff(np.concatenate([[0], breaks, [len(at)]]))
        found.append([int(value), np.stack([starts, lengths], axis=1).tolist()])
    return found


def _named(kind: AnswerKind, classes: list[int]) -> tuple[int, ...]:
    if len(set(classes)) != len(classes):
        raise SeglensError("classes: one class is named twice")
    if kind is AnswerKind.CLASS_SET:
        if not classes:
            raise SeglensError("classes: a class-set answer names at least one class")
        return tuple(sorted(classes))
    if len(classes) != 1:
        raise SeglensError(f"classes: a {kind.value} answer names one class, found {len(classes)}")
    return (classes[0],)


def _point_pixels(region: Region, point: tuple[int, int] | None) -> int:
    if point is None:
        raise SeglensError("point: a point answer says where, [y, x]")
    inside = indices(region.runs)
    height, width = region.size
    if point[0] >= height or point[1] >= width or point[0] * width + point[1] not in inside:
        raise SeglensError(f"point: {list(point)} lies outside the region asked about")
    return int(cell_of(inside, region.size, point).sum())
