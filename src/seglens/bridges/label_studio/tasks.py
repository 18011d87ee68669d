"""A question as a task: its pictures, its words, our own key, and the model's prediction as a pre-annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seglens.bridges.label_studio.labelling import ANSWER, CHOICES, DRAWN, IMAGE, NAMED, Tool
from seglens.bridges.label_studio.masks import result_of
from seglens.bridges.label_studio.pictures import Pictures
from seglens.functional.native import to_native
from seglens.functional.run_lengths import decode, indices
from seglens.types import AnswerKind, ByteArray, ClassTable, FloatArray, Query

QUERY_KEY, RUN_KEY = "seglens_query", "seglens_run"
"""Where a task's data hold our own key: the server uses its task ids again after a deletion."""
SHARE = 0.02
"""Least share of a region for a predicted class to be proposed in a class set."""
HALF = 100
"""The question at this place in the order has score 0.5."""


@dataclass(frozen=True)
class Shown:
    """What a task shows of a question beside its image.

    Args:
        why: it is asked, in words.
        prediction: (h, w) uint8 class at the time of asking, at the model's size; None while there was no model.
        map: (h, w) the score map or explainable error mask of then, or None.
        map_name: what it is called.
    """

    why: str
    prediction: ByteArray | None = None
    map: FloatArray | None = None
    map_name: str = ""


def predicted(query: Query, shown: Shown) -> ByteArray | None:
    """(pixels,) class of each of the region's pixels as predicted when it was asked, in run order; None without one."""
    if shown.prediction is None:
        return None
    found: ByteArray = to_native(shown.prediction, query.region.size).ravel()[indices(query.region.runs)]
    return found


def proposal(query: Query, shown: Shown, classes: ClassTable, tool: Tool) -> list[dict[str, Any]]:
    """The model's own answer as results; empty where there is none: no model yet, or a point."""
    said = predicted(query, shown)
    if said is None or query.kind is AnswerKind.POINT:
        return []
    found, counts = np.unique(said, return_counts=True)
    if query.kind in DRAWN:
        return [_drawn(query, said == c, classes.names[c], tool, f"{query.id[:8]}-{c}") for c in found.tolist()]
    order = np.argsort(-counts, kind="stable")
    named = [int(found[i]) for i in order if i == order[0] or counts[i] >= SHARE * len(said)]
    if query.kind is AnswerKind.DOMINANT_CLASS:
        named = [int(query.reason.get("classes", named)[0])]
    value = {CHOICES: [classes.names[c] for c in named]}
    return [{"id": query.id[:8], "type": CHOICES, "from_name": ANSWER, "to_name": IMAGE, "value": value}]


def _drawn(query: Query, inside: np.ndarray, label: str, tool: Tool, id: str) -> dict[str, Any]:
    mask = np.zeros(query.region.size, bool)
    mask.ravel()[indices(query.region.runs)[inside]] = True
    return result_of(mask, label, tool, id)


def task(
    query: Query,
    image: ByteArray,
    shown: Shown,
    results: list[dict[str, Any]],
    place: int,
    pictures: Pictures,
    keys: Mapping[str, str],
) -> dict[str, Any]:
    """A task to import.

    Args:
        query: the question.
        image: (H, W, 3) uint8.
        shown: what is shown beside.
        results: the pre-annotation.
        place: in the run's order of questions, 0 = first.
        pictures: where they are kept.
        keys: ``run`` the run's id, ``model`` what predictions are filed under.
    """
    named, whole = query.kind in NAMED, bool(decode(query.region.runs, query.region.size).all())
    main = pictures.close_up if named else pictures.plain if whole else pictures.outlined
    beside = pictures.plain if named else pictures.close_up
    data = {
        QUERY_KEY: query.id,
        RUN_KEY: keys["run"],
        "round": query.round,
        "why": f"Why: {shown.why}",
        "image": main(query, image),
        "about": "The whole image" if named else "Close up",
        "beside": beside(query, image),
        "map_about": shown.map_name or "No map: there was no model yet",
        "map": pictures.map(query, shown.map),
    }
    return {
        "data": data,
        "predictions": [{"model_version": keys["model"], "score": priority(place), "result": results}],
    }


def priority(place: int) -> float:
    """The score of the question at a place in the order: 0 for the first, towards 1.

    The server's uncertainty sampling asks the lowest first.
    """
    return place / (place + HALF)
