"""Painting answers into label maps: the one place where answers become pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seglens.functional.cells import cell_of
from seglens.functional.run_lengths import indices
from seglens.types import (
    IGNORE,
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    BoolArray,
    ByteArray,
    IntArray,
    Provenance,
    SeglensError,
    Settled,
)

BY_PEOPLE = (Provenance.PERSON, Provenance.SIMULATED)
Keep = Callable[[Answered, IntArray, ByteArray], IntArray]
"""Given an answer, its region's pixel numbers and the class of each (IGNORE for a class set), the positions of those
that become labels."""


def paint(image: AnsweredImage, keep: Keep | None = None) -> Settled:
    """The labels of an image's answers, painted in the order asked.

    Where answers overlap, the later one holds, but nothing is painted over a person's label. A class set stands only
    where no class does. Statuses other than answered paint nothing.

    Args:
        image: the answers.
        keep: leaves pixels of an answer out; they stay as they were.

    Returns:
        Labels, provenance and class sets, in native pixels.

    Raises:
        SeglensError: an answer that does not fit its question.
    """
    height, width = image.size
    label = np.full(height * width, IGNORE, np.uint8)
    provenance = np.zeros(height * width, np.uint8)
    regions = np.full(height * width, -1, np.int32)
    sets: list[tuple[int, ...]] = []
    for answered in image.answers:
        if answered.answer.status is not AnswerStatus.ANSWERED:
            continue
        index = indices(answered.query.region.runs)
        if _is_set(answered):
            if keep is not None:
                index = index[keep(answered, index, np.full(len(index), IGNORE, np.uint8))]
            open_to_set = index[(provenance[index] != Provenance.PERSON) & (label[index] == IGNORE)]
            regions[open_to_set] = len(sets)
            provenance[open_to_set] = answered.answer.provenance
            sets.append(tuple(answered.answer.classes))
            continue
        index, classes = _labelled(answered, index)
        if keep is not None:
            kept = keep(answered, index, classes)
            index, classes = index[kept], classes[kept]
        free = provenance[index] != Provenance.PERSON
        index, classes = index[free], classes[free]
        label[index], provenance[index], regions[index] = classes, answered.answer.provenance, -1
    shape = (height, width)
    return Settled(
        label.reshape(shape), provenance.reshape(shape), regions.reshape(shape) if sets else None, tuple(sets)
    )


def answered_pixels(image: AnsweredImage, settled: Settled) -> BoolArray:
    """Pixels that something was said about: void, unsure and skipped count.

    A point says nothing of what lies around it, and an answer that never came says nothing.

    Args:
        image: the answers.
        settled: the labels that they were painted as.

    Returns:
        (H, W) bool, native.
    """
    said: BoolArray = settled.provenance != Provenance.NONE
    for answered in image.answers:
        status, kind = answered.answer.status, answered.query.kind
        if status is AnswerStatus.EXPIRED or (status is AnswerStatus.ANSWERED and kind is AnswerKind.POINT):
            continue
        said.ravel()[indices(answered.query.region.runs)] = True
    return said


def _is_set(answered: Answered) -> bool:
    """A class set of one class is a class."""
    return answered.query.kind is AnswerKind.CLASS_SET and len(answered.answer.classes) > 1


def _labelled(answered: Answered, index: IntArray) -> tuple[IntArray, ByteArray]:
    """The pixels that an answer labels, and the class of each."""
    query, answer = answered.query, answered.answer
    if query.kind in (AnswerKind.DENSE, AnswerKind.MASK):
        if answer.dense is None or len(answer.dense) != len(index):
            found = "none" if answer.dense is None else str(len(answer.dense))
            raise SeglensError(f"answer to '{query.id}': expected {len(index)} dense pixels, found {found}")
        seen = answer.dense != IGNORE
        return index[seen], answer.dense[seen]
    if query.kind not in (AnswerKind.DOMINANT_CLASS, AnswerKind.POINT, AnswerKind.CLASS_SET):
        raise SeglensError(f"answer to '{query.id}': this settle cannot read answers of kind '{query.kind}'")
    if len(answer.classes) != 1:
        raise SeglensError(f"answer to '{query.id}': expected one class, found {len(answer.classes)}")
    if query.kind is AnswerKind.POINT:
        if answer.point is None:
            raise SeglensError(f"answer to '{query.id}': a point answer without its point")
        index = index[cell_of(index, query.region.size, answer.point)]
    return index, np.full(len(index), answer.classes[0], np.uint8)
