"""Open questions that look like one at hand: the same suggestion, and colours near by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seglens.functional.run_lengths import indices
from seglens.store.queue import Owner
from seglens.types import AnswerKind, FloatArray, Query

if TYPE_CHECKING:
    from seglens.web.office import Office

KINDS = (AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET, AnswerKind.VERDICT, AnswerKind.MASK)
"""Kinds that classes answer for several regions at once; a candidate object (mask) is then whole of the class."""
ALIKE = 30.0
"""Most distance of two regions' mean colours and their spread (each 0 to 255) where no model says a class."""


def alike(office: Office, owner: Owner, query: Query, most: int) -> list[Query]:
    """Open questions of the same kind, nearest first.

    With a model: those it suggests the same class for. Without one: those whose colours are near. Colours are known of
    images that have been looked at (``Office.colors``); others come last, or not at all without a model.
    """
    if query.kind not in KINDS:
        return []
    ids = office.desk.free(owner, query.kind.value)
    others = [office.query(id) for id in ids if id != query.id]
    suggested = query.reason.get("classes")
    own = office.colors.get(query.id)
    found: list[tuple[float, Query]] = []
    for other in others:
        theirs = office.colors.get(other.id)
        far = float(np.linalg.norm(own - theirs)) if own is not None and theirs is not None else np.inf
        said = other.reason.get("classes")
        if (said[0] == suggested[0]) if suggested and said else far <= ALIKE:
            found.append((far, other))
    found.sort(key=lambda pair: pair[0])
    return [other for _, other in found[:most]]


def colors_of(query: Query, image: np.ndarray) -> FloatArray:
    """(6,) mean and deviation of a region's colours."""
    inside = image.reshape(-1, 3)[indices(query.region.runs)].astype(np.float32)
    found: FloatArray = np.concatenate([inside.mean(0), inside.std(0)])
    return found
