"""What an audit of labels looks at: each answer in parts of one claim, and what a model says of their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from skimage.measure import label as components

from seglens.acquisition.settle.paint import paint
from seglens.functional.run_lengths import encode, indices
from seglens.types import (
    IGNORE,
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    IntArray,
    Provenance,
    Region,
    Size,
)

DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)
BY_PEOPLE = (Provenance.PERSON, Provenance.SIMULATED)
LEAST = 32
"""Pixels of the smallest part of a drawn answer that is looked at."""


@dataclass(frozen=True)
class Part:
    """Pixels about which one thing was said.

    Args:
        pair: the question and its answer.
        region: the pixels, native; of a drawn answer one connected segment of one class.
        classes: what was said of them: one class, or a set of which it is one.
    """

    pair: Answered
    region: Region
    classes: tuple[int, ...]


def parts_of(answers: Iterable[Answered]) -> Iterator[Part]:
    """The parts of people's answers, in order. Answers that name no class (void, unsure, skipped) have none."""
    for pair in answers:
        said, region = pair.answer, pair.query.region
        if said.status is not AnswerStatus.ANSWERED or said.provenance not in BY_PEOPLE:
            continue
        if pair.query.kind in DRAWN:
            yield from _segments(pair)
        elif pair.query.kind is AnswerKind.POINT:
            cell = paint(AnsweredImage(region.image, region.size, [pair])).label != IGNORE
            yield Part(pair, Region(region.image, region.size, encode(cell), region.key, region.index), said.classes)
        else:
            yield Part(pair, region, said.classes)


def _segments(pair: Answered) -> Iterator[Part]:
    region = pair.query.region
    label = paint(AnsweredImage(region.image, region.size, [pair])).label
    segments = components(label.astype(np.int64), background=IGNORE, connectivity=1)
    sizes = np.bincount(segments.ravel())
    for number in np.flatnonzero(sizes >= LEAST):
        if number == 0:
            continue
        runs = encode(segments == number)
        named = int(label.ravel()[runs[0, 0]])
        yield Part(pair, Region(region.image, region.size, runs, region.key, region.index), (named,))


def places(region: Region, size: Size) -> IntArray:
    """Pixels of a map of ``size`` that lie in a region: those whose centres do, or the one nearest its middle.

    Returns:
        (n,) row-major numbers, n at least 1.
    """
    height, width = region.size
    index = indices(region.runs)
    if size == region.size:
        return index
    y, x = index // width, index % width
    # the native pixel under the centre of each of the map's
    rows = (2 * np.arange(size[0]) + 1) * height // (2 * size[0])
    columns = (2 * np.arange(size[1]) + 1) * width // (2 * size[1])
    inside = np.zeros(region.size, bool)
    inside[y, x] = True
    found = np.flatnonzero(inside[rows[:, None], columns])
    if len(found):
        return found
    row = min(int((y.mean() + 0.5) * size[0] / height), size[0] - 1)
    column = min(int((x.mean() + 0.5) * size[1] / width), size[1] - 1)
    return np.array([row * size[1] + column])
