"""What a person said in an annotation, as an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seglens.bridges.label_studio import labelling
from seglens.bridges.label_studio.labelling import CHOICES, DRAWN, MASKS, POINTS, STATUS, STATUSES, VOID, Control
from seglens.bridges.label_studio.masks import mask_of
from seglens.functional.cells import cell_of
from seglens.functional.run_lengths import decode, indices
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    BoolArray,
    ByteArray,
    ClassTable,
    Cost,
    Provenance,
    Query,
    Size,
)

FROM_MODEL = frozenset({"prediction", "prediction-changed"})
"""Origins of results that began as our prediction."""


class Refused(Exception):
    """An annotation that is no answer to its question, and why."""


def read(
    annotation: Mapping[str, Any],
    query: Query,
    known: Mapping[str, Control],
    classes: ClassTable,
    said: ByteArray | None,
    annotator: str,
) -> Answer:
    """An annotation as the answer to a question.

    A status chosen there holds whatever else was said; what was drawn or named is kept with it. Label Studio counts no
    clicks: an answer by names is one click a name, a point one, a drawn answer the question's own estimate. Seconds are
    its lead time.

    Args:
        annotation: as the server gives it.
        query: the question.
        known: the project's controls.
        classes: of the run.
        said: (pixels,) the prediction that the person began with, or None.
        annotator: who answered.

    Raises:
        Refused: a result that does not fit the label config or the image, or no answer at all.
    """
    seconds = float(annotation.get("lead_time") or 0.0)
    if annotation.get("was_cancelled"):
        cost = Cost(0.0, 0.0, seconds)
        return Answer(query.id, AnswerStatus.SKIPPED, cost, Provenance.PERSON, annotator=annotator)
    results = _checked(annotation.get("result"), known, query.region.size)
    status = _status(results)
    mine = [r for r in results if r["from_name"] != STATUS]
    named, dense, point, pixels = _content(mine, query, classes, said, status is None)
    if status is None:
        status = AnswerStatus.VOID if dense is not None and not pixels else AnswerStatus.ANSWERED
    if status is AnswerStatus.VOID:
        dense = None
    clicks = query.estimate.clicks if dense is not None else max(1.0, float(len(named)))
    cost = Cost(clicks, float(pixels if status is AnswerStatus.ANSWERED else 0), seconds)
    return Answer(query.id, status, cost, Provenance.PERSON, named, dense, point, annotator)


def _checked(results: Any, known: Mapping[str, Control], size: Size) -> list[dict[str, Any]]:
    if not isinstance(results, list):
        raise Refused("no list of results")
    for result in results:
        wrong = labelling.problem(result, known, size)
        if wrong:
            raise Refused(wrong)
    return results


def _status(results: Sequence[dict[str, Any]]) -> AnswerStatus | None:
    for result in results:
        if result["from_name"] == STATUS:
            value = result["value"][CHOICES][0]
            if value not in STATUSES:
                raise Refused(f"'{value}' says nothing of a question; allowed: {', '.join(STATUSES)}")
            return STATUSES[value]
    return None


Content = tuple[tuple[int, ...], ByteArray | None, tuple[int, int] | None, int]


def _content(
    results: Sequence[dict[str, Any]], query: Query, classes: ClassTable, said: ByteArray | None, needed: bool
) -> Content:
    """Classes, dense classes, point and labelled pixels; of nothing said where that is allowed."""
    if query.kind in DRAWN:
        masks = [r for r in results if r["type"] in MASKS]
        if masks or needed:
            dense = painted(masks, query, classes, said)
            return (), dense, None, int((dense != IGNORE).sum())
        return (), None, None, 0
    if query.kind is AnswerKind.POINT:
        points = [r for r in results if r["type"] == POINTS]
        return _point(points, query, classes) if points or needed else ((), None, None, 0)
    names = [name for r in results if r["type"] == CHOICES for name in r["value"][CHOICES]]
    if needed and not names:
        raise Refused("submitted without a class")
    if query.kind is AnswerKind.DOMINANT_CLASS and len(names) > 1:
        raise Refused(f"{len(names)} classes where one is asked for")
    return tuple(_class(name, classes) for name in dict.fromkeys(names)), None, None, query.region.pixels


def _class(name: str, classes: ClassTable) -> int:
    if name not in classes.names:
        raise Refused(f"unknown class '{name}'; the run's classes: {', '.join(classes.names)}")
    return classes.names.index(name)


def painted(results: Sequence[dict[str, Any]], query: Query, classes: ClassTable, said: ByteArray | None) -> ByteArray:
    """The classes of a region's pixels from masks that may overlap, painted in a set order.

    First what is left of our own prediction where it was predicted. Then, in the order of the results, what was drawn
    by hand, and what a predicted mask was enlarged by: so whatever a person added covers what the model said, and the
    later of two masks covers the earlier. Pixels that no mask covers, and those of the label for no class, are void;
    what lies outside the region does not count.

    Args:
        results: checked ones that hold masks, in the order of the annotation.
        query: the question.
        classes: of the run.
        said: (pixels,) the prediction, or None.

    Returns:
        (pixels,) uint8 class or IGNORE, in run order.

    Raises:
        Refused: a damaged mask, an unknown class, or none that touches the region.
    """
    inside = indices(query.region.runs)
    dense = np.full(len(inside), IGNORE, np.uint8)
    layers: list[tuple[int, BoolArray]] = []
    touched = False
    for result in results:
        (label,) = result["value"][result["type"]]
        number = IGNORE if label == VOID else _class(label, classes)
        try:
            mask = mask_of(result, query.region.size).ravel()[inside]
        except ValueError as error:
            raise Refused(str(error)) from None
        touched |= bool(mask.any())
        if said is not None and result.get("origin") in FROM_MODEL:
            dense[mask & (said == number)] = number
            mask = mask & (said != number)
        layers.append((number, mask))
    if not touched:
        raise Refused("nothing drawn inside the region")
    for number, mask in layers:
        dense[mask] = number
    return dense


def _point(points: Sequence[dict[str, Any]], query: Query, classes: ClassTable) -> Content:
    if len(points) != 1:
        raise Refused(f"{len(points)} points where one is asked for")
    value = points[0]["value"]
    height, width = query.region.size
    try:
        at = int(float(value["y"]) / 100 * height), int(float(value["x"]) / 100 * width)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused("a point without its place") from None
    if not (0 <= at[0] < height and 0 <= at[1] < width) or not decode(query.region.runs, query.region.size)[at]:
        raise Refused(f"the point {at} lies outside the region asked about")
    covered = int(cell_of(indices(query.region.runs), query.region.size, at).sum())
    return (_class(value[POINTS][0], classes),), None, at, covered
