"""The truth answers, and gets a part of it wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, cast

import numpy as np
from pydantic import Field
from skimage.measure import label as components

from seglens.functional.run_lengths import indices
from seglens.oracles.simulated import Simulated, SimulatedParams
from seglens.protocols import AskContext
from seglens.registry import oracles
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    Chance,
    Query,
)

DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)
SHARES: dict[str, tuple[float, float, float]] = {
    "mixed": (0.25, 0.5, 0.25),
    "symmetric": (1.0, 0.0, 0.0),
    "missing": (0.0, 1.0, 0.0),
    "asymmetric": (0.0, 0.0, 1.0),
}
"""Shares of symmetric, missing and asymmetric mistakes in the wrong segments."""


class NoisyParams(SimulatedParams):
    """How much is wrong, and in which way; and how answers are priced."""

    fraction: float = Field(0.2, ge=0, le=1, description="of the connected class segments are answered wrong")
    kind: Literal["mixed", "symmetric", "missing", "asymmetric"] = Field(
        "mixed",
        description="symmetric: class c becomes C - 1 - c; missing: void; asymmetric: another class; mixed: 1 : 2 : 1",
    )


@oracles.register("noisy")
class Noisy(Simulated):
    """Answers as ``simulated`` does, from masks in which a fraction of the connected class segments is wrong.

    A segment is a 4-connected component of one class in the whole image's truth; void is none. Whether it is wrong,
    and how, is drawn by (run seed, image, segment) alone, so that every question and every round meets the same
    mistake, and what is wrong at 20 % is wrong at 40 % too. Every kind of answer is given from the noisy mask: a
    region's dominant class, for one, is that of its noisy pixels. What is paid is the true answer's cost, its pixels
    too: a person was shown them, and a budget that got missing ones back would pay noisy annotators for more questions.

    Deviation: symmetric noise is c -> C - 1 - c, for the paper's n - c leaves the range of the labels at c = 0. The
    middle one of an odd number of classes stays as it is: its symmetric mistakes are none.

    Reference: CPRAL (arXiv 2112.05975), "Robustness Analysis": 20, 40, 60 % of labels wrong, 1 : 2 : 1. The paper does
    not say what a label is; a segment is what a person draws and names.
    """

    Params: ClassVar[type[SimulatedParams]] = NoisyParams
    name: ClassVar[str] = "noisy"

    def _about(self, queries: Sequence[Query], truth: ByteArray, ask: AskContext) -> list[Answer]:
        params = cast(NoisyParams, self.params)
        chance = ask.chance.child("noise", queries[0].image)
        noisy = noisy_mask(truth, len(ask.classes), params.fraction, params.kind, chance)
        found: list[Answer] = []
        for query, right in zip(queries, super()._about(queries, truth, ask), strict=True):
            if query.kind in DRAWN:
                found.append(_drawn(right, noisy.ravel()[indices(query.region.runs)]))
            else:
                found.append(replace(self._answer(query, noisy), cost=right.cost))
        return found


def _drawn(right: Answer, dense: ByteArray) -> Answer:
    """The true dense answer with other classes; void where none is left."""
    if (dense == IGNORE).all():
        return replace(right, status=AnswerStatus.VOID, dense=None)
    return replace(right, dense=dense)


def noisy_mask(truth: ByteArray, classes: int, fraction: float, kind: str, chance: Chance) -> ByteArray:
    """A mask in which a fraction of the connected class segments is wrong.

    Args:
        truth: (H, W) uint8 class, IGNORE = void.
        classes: C.
        fraction: of the segments, each wrong with this probability.
        kind: how: a key of ``SHARES``.
        chance: of the image; ``child(number of the segment)`` draws. Segments are numbered from 1 in the row-major
            order of their first pixels.

    Returns:
        (H, W) uint8 class, IGNORE where it was void or is missing.
    """
    segments = components(truth.astype(np.int64), background=IGNORE, connectivity=1)
    said = np.full(int(segments.max()) + 1, IGNORE, np.uint8)  # number 0 is void
    said[segments.ravel()] = truth.ravel()
    symmetric, missing, _ = np.cumsum(SHARES[kind])
    for segment in range(1, len(said)):
        wrong, how, other = chance.child(segment).numpy().random(3)
        if wrong >= fraction:
            continue
        true = int(said[segment])
        if how < symmetric:
            said[segment] = classes - 1 - true
        elif how < missing:
            said[segment] = IGNORE
        else:
            said[segment] = (true + 1 + int(other * (classes - 1))) % classes
    noisy: ByteArray = said[segments]
    return noisy
