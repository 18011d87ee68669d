"""Masks as answers to the open questions about their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seglens.functional.run_lengths import indices
from seglens.types import IGNORE, Answer, AnswerKind, AnswerStatus, ByteArray, Cost, Provenance, Query

DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)
NAMED = (AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET)
UNLABELLED = "unlabelled"
"""Why a question stays open: too little of its region is labelled. Other reasons are the kinds a mask cannot answer."""


@dataclass
class Answers:
    """What masks say: the answers, how many of each kind, and how many questions stay open and why."""

    answers: list[Answer] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)


def answer_from(mask: ByteArray, queries: Sequence[Query], annotator: str, share: float, found: Answers) -> None:
    """Answer the open questions about one image from its mask.

    A drawn answer takes the mask's values inside the region, a dominant class the most frequent one, a class set all
    classes there, most frequent first. A point says which pixel was looked at and a verdict is about the model: a mask
    holds neither, so these stay open. The clicks are as estimated for drawn answers and one a class for named ones, as
    with answers from a file; seconds are not known.

    Args:
        mask: (H, W) uint8, IGNORE = unlabelled.
        queries: open ones about this image.
        annotator: who drew it.
        share: the least share of a region's pixels that has to be labelled.
        found: what is found is added here.
    """
    flat = mask.ravel()
    for query in queries:
        values = flat[indices(query.region.runs)]
        labelled = values[values != IGNORE]
        if query.kind not in (*DRAWN, *NAMED):
            found.left[query.kind.value] += 1
        elif not len(labelled) or len(labelled) < share * len(values):
            found.left[UNLABELLED] += 1
        else:
            found.answers.append(_answer(query, values, labelled, annotator))
            found.kinds[query.kind.value] += 1


def _answer(query: Query, values: ByteArray, labelled: ByteArray, annotator: str) -> Answer:
    classes: tuple[int, ...] = ()
    if query.kind in NAMED:
        counts = np.bincount(labelled)
        present = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        classes = tuple(present.tolist()) if query.kind is AnswerKind.CLASS_SET else (int(present[0]),)
    clicks = float(len(classes)) if classes else query.estimate.clicks
    return Answer(
        query.id,
        AnswerStatus.ANSWERED,
        Cost(clicks, float(len(labelled)), 0.0),
        Provenance.PERSON,
        classes,
        values if query.kind in DRAWN else None,
        annotator=annotator,
    )
