"""A question as the page gets it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from seglens.acquisition.reasons import words
from seglens.store.desk import Given
from seglens.store.queue import Owner, Waiting
from seglens.types import Query, Region
from seglens.web.answering import runs_of
from seglens.web.office import Office
from seglens.web.similar import alike


def box_of(region: Region) -> list[int]:
    """Top, left, bottom, right of a region, half-open."""
    width = region.size[1]
    starts, lengths = region.runs[:, 0].astype(np.int64), region.runs[:, 1].astype(np.int64)
    first, last = starts // width, (starts + lengths - 1) // width
    if (first != last).any():  # a run over a line's end covers the columns from edge to edge
        return [int(first.min()), 0, int(last.max()) + 1, width]
    left = starts % width
    return [int(first.min()), int(left.min()), int(last.max()) + 1, int((left + lengths).max())]


def suggestion(query: Query) -> dict[str, Any] | None:
    """What the model would say: classes, best first, and the share it gives the first."""
    classes = query.reason.get("classes")
    if not classes:
        return None
    return {"classes": list(classes), "confidence": float(query.reason["probs"][0])}


def question(office: Office, owner: Owner, id: str) -> dict[str, Any]:
    """Everything the page shows of a question; the person's own draft and answer with it."""
    with office.repo.transaction():
        query, position, of = office.asked(id)
        draft = office.desk.draft(owner.person, id)
        given = office.desk.given(owner.person, id)
        seconds_left = office.desk.seconds_left(owner, id)
    region = query.region
    return {
        "id": query.id,
        "round": query.round,
        "image": query.image,
        "size": list(region.size),
        "kind": query.kind.value,
        "purpose": query.purpose.value,
        "why": words(query.reason),
        "reason": dict(query.reason),
        "score": query.score if np.isfinite(query.score) else None,
        "region": {"runs": region.runs.tolist(), "box": box_of(region), "pixels": region.pixels},
        "suggestion": suggestion(query),
        "layers": office.layers.of(query.image),
        "claim": {"seconds_left": round(seconds_left, 1)},
        "draft": json.loads(draft.body) if draft is not None else None,
        "answer": answer_view(given) if given is not None else None,
        "revision": max(draft.revision if draft else 0, given.revision if given else 0),
        "similar": len(alike(office, owner, query, 100)),
        "position": position,
        "of": of,
    }


def queue_view(waiting: Waiting) -> dict[str, Any]:
    """A line of the queue."""
    query = waiting.query
    return {
        "id": query.id,
        "round": query.round,
        "image": query.image,
        "kind": query.kind.value,
        "why": words(query.reason),
        "persons": list(waiting.persons),
        "here": waiting.here,
        "free": waiting.free,
    }


def answer_view(given: Given) -> dict[str, Any]:
    """A person's answer, as the page hands one in."""
    answer = given.answer
    dense = answer.dense
    return {
        "status": answer.status.value,
        "classes": list(answer.classes),
        "point": list(answer.point) if answer.point else None,
        "mask": {"runs_by_class": runs_of(given.query.region, dense)} if dense is not None else None,
        "seconds": answer.cost.seconds,
        "clicks": answer.cost.clicks,
        "edits": given.edits,
        "revision": given.revision,
        "at": given.at.isoformat(),
    }


def history_view(given: Given) -> dict[str, Any]:
    """A line of the person's own answers."""
    answer = given.answer
    classes = list(answer.classes)
    if answer.dense is not None:
        classes = [int(c) for c in np.unique(answer.dense) if c != 255]
    return {
        "id": given.query.id,
        "number": given.row,
        "image": given.query.image,
        "kind": given.query.kind.value,
        "status": answer.status.value,
        "classes": classes,
        "box": box_of(given.query.region),
        "at": given.at.isoformat(),
        "seconds": answer.cost.seconds,
        "clicks": answer.cost.clicks,
        "edits": given.edits,
    }
