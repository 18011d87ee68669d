"""Answers that the last audit of the run doubts, for a reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from seglens.loop.doubted import kept
from seglens.store.desk import Given
from seglens.store.review import unreviewed
from seglens.types import AnswerKind, ClassTable
from seglens.web.answering import DRAWN
from seglens.web.asking import answer_view
from seglens.web.office import Office
from seglens.web.thumbs import around

LOOKED_UP = 10_000
"""Most doubts that are looked up: the most suspicious."""
SHOWN = 100
"""Most answers shown at once."""
REASONS = 3
"""Doubted parts of a drawn answer that are told, at most."""


def doubted(office: Office) -> dict[str, Any]:
    """When the run was audited (None: never) and the doubted answers, most suspicious first.

    An answer that was changed since, or that a reviewer has decided on, is left out.
    """
    told = kept(office.run)
    if told is None or "at" not in told:  # an older audit did not say when it was
        return {"at": None, "doubted": []}
    of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in told["doubted"][:LOOKED_UP]:
        if row["suspicion"] > 0:
            of.setdefault((row["query"], row["annotator"]), []).append(row)
    found = unreviewed(office.repo, [query for query, _ in of], datetime.fromisoformat(told["at"]))
    waiting = {(given.query.id, given.answer.annotator): given for given in found}
    due = [key for key in of if key in waiting][:SHOWN]
    return {"at": told["at"], "doubted": [_view(waiting[key], of[key], told["folds"], office.classes) for key in due]}


def _view(given: Given, rows: Sequence[dict[str, Any]], folds: int, classes: ClassTable) -> dict[str, Any]:
    """A doubted answer; ``rows``: its doubted parts, the most suspicious first."""
    query, first = given.query, rows[0]
    return {
        "id": query.id,
        "image": query.image,
        "kind": query.kind.value,
        "picture": f"/api/thumb?{urlencode(_thumb(given, first, classes))}",
        "annotator": given.answer.annotator,
        "answer": answer_view(given),
        "suspicion": first["suspicion"],
        "instead": classes.names.index(first["instead"]),
        "reasons": [_reason(row, folds) for row in rows[:REASONS]],
    }


def _thumb(given: Given, row: dict[str, Any], classes: ClassTable) -> dict[str, Any]:
    """What outlines the region, or the point, or the part of a drawn one that is doubted most."""
    if given.query.kind not in (*DRAWN, AnswerKind.POINT):
        return {"query": given.query.id, "size": 240}
    top, left, bottom, right = row["box"]
    box = ",".join(map(str, around((top, left, bottom, right), given.query.region.size)))
    return {"query": given.query.id, "said": classes.names.index(row["said"][0]), "box": box, "size": 240}


def _reason(row: dict[str, Any], folds: int) -> str:
    """Why a part of an answer is doubted, in words."""
    said = " or ".join(row["said"])
    model, near = _percent(row["confidence"]), _percent(row["agreement"])
    told = [f"Said {said}, rather {row['instead']}."]
    if folds:
        told.append(f"A model that had not learnt from this image says {row['model']} and gives {said} {model}.")
    told.append(f"Answers about similar regions say {row['neighbours']} and give {said} {near}.")
    return " ".join(told)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
