"""The truth answers, and is charged as a person would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.cells import cell_of, central_pixel
from seglens.functional.contours import contour_clicks
from seglens.functional.run_lengths import decode, indices
from seglens.oracles.cost import Seconds, answer_cost, drawing_cost
from seglens.protocols import AskContext, PartContext
from seglens.registry import oracles
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    Cost,
    ImageId,
    IntArray,
    Provenance,
    Query,
    SeglensError,
)


class SimulatedParams(Params):
    """How answers are priced."""

    seconds: Seconds = Field(default_factory=Seconds, description="seconds of each action")
    contour_tolerance: float = Field(1.0, gt=0, description="tolerance of drawn polygons, native pixels")
    set_share: float = Field(
        0.02, ge=0, le=1, description="least share of a region's labelled pixels for a class to be named in a class set"
    )


@oracles.register("simulated")
class Simulated:
    """Answers from the masks at once, without error, and charges clicks, pixels and seconds.

    Dominant class: the most frequent class, void if most pixels are void. Dense, and the drawn mask of an object: the
    truth itself, paid by its outlines. Point: the class of the pixel nearest the region's middle. Class set: every
    class with at least ``set_share``; the most frequent one in any case. A void answer is paid like any other, with no
    pixels.
    """

    Params: ClassVar[type[SimulatedParams]] = SimulatedParams
    name: ClassVar[str] = "simulated"
    simulation: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[frozenset[AnswerKind]] = frozenset(AnswerKind) - {AnswerKind.VERDICT}
    free: ClassVar[bool] = False

    def __init__(self, params: SimulatedParams, context: PartContext) -> None:
        self.params = params
        self._answers: dict[str, Answer] = {}
        self._seen: set[str] = set()

    def submit(self, queries: Sequence[Query], ask: AskContext) -> None:
        """Answer the questions; one that was handed over before is left out.

        Raises:
            SeglensError: no labels, a mask of another size, or a kind that it cannot answer.
        """
        if ask.labels is None:
            raise SeglensError(f"ask '{self.name}': the data has no labels to answer from; use ask 'human'")
        fresh = {query.id: query for query in queries if query.id not in self._seen}
        by_image: dict[ImageId, list[Query]] = {}
        for query in fresh.values():
            by_image.setdefault(query.image, []).append(query)
        found: dict[str, Answer] = {}
        for image, few in by_image.items():  # each mask is read once, and not kept
            found |= {answer.query: answer for answer in self._about(few, ask.labels.label(image), ask)}
        self._answers |= {id: found[id] for id in fresh}
        self._seen |= set(fresh)

    def collect(self) -> list[Answer]:
        """The answers since the last call, in the order asked."""
        answers, self._answers = list(self._answers.values()), {}
        return answers

    def _about(self, queries: Sequence[Query], truth: ByteArray, ask: AskContext) -> list[Answer]:
        """The answers to questions about one image."""
        return [self._answer(query, truth) for query in queries]

    def _answer(self, query: Query, truth: ByteArray) -> Answer:
        if truth.shape != query.region.size:
            raise SeglensError(
                f"mask of image '{query.image}': size {truth.shape[0]} x {truth.shape[1]}, expected "
                f"{query.region.size[0]} x {query.region.size[1]}"
            )
        index = indices(query.region.runs)
        classes = truth.ravel()[index]
        if query.kind in (AnswerKind.DENSE, AnswerKind.MASK):
            return self._dense(query, truth, classes)
        if query.kind is AnswerKind.POINT:
            return self._point(query, index, classes)
        if query.kind in (AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET):
            return self._named(query, classes)
        raise SeglensError(f"ask 'simulated': answers of kind '{query.kind.value}' are not simulated")

    def _dense(self, query: Query, truth: ByteArray, classes: ByteArray) -> Answer:
        drawn = contour_clicks(truth, decode(query.region.runs, query.region.size), self.params.contour_tolerance)
        pixels = int((classes != IGNORE).sum())
        cost = drawing_cost(drawn, pixels, self.params.seconds)
        if not pixels:
            return _void(query, cost)
        return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.SIMULATED, dense=classes)

    def _point(self, query: Query, index: IntArray, classes: ByteArray) -> Answer:
        size = query.region.size
        centre = central_pixel(index, size)
        y, x = divmod(centre, size[1])
        found = int(classes[np.searchsorted(index, centre)])
        cell = int(cell_of(index, size, (y, x)).sum())
        cost = answer_cost(query.kind, 0 if found == IGNORE else cell, self.params.seconds)
        if found == IGNORE:
            return _void(query, cost)
        return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.SIMULATED, (found,), point=(y, x))

    def _named(self, query: Query, classes: ByteArray) -> Answer:
        counts = np.bincount(classes, minlength=IGNORE + 1)
        void, counts = int(counts[IGNORE]), counts[:IGNORE]
        labelled = int(counts.sum())
        if void > labelled:
            return _void(query, answer_cost(query.kind, 0, self.params.seconds))
        named = [int(counts.argmax())]
        if query.kind is AnswerKind.CLASS_SET:
            share = counts / max(labelled, 1)
            named = [
                int(c) for c in np.argsort(-counts, kind="stable") if counts[c] and share[c] >= self.params.set_share
            ]
            named = named or [int(counts.argmax())]
        cost = answer_cost(query.kind, labelled, self.params.seconds, len(named))
        return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.SIMULATED, tuple(named))


def _void(query: Query, cost: Cost) -> Answer:
    return Answer(query.id, AnswerStatus.VOID, cost, Provenance.SIMULATED)
