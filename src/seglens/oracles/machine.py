"""The machine answers: the averaged model's own predictions where it is sure, as labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor

from seglens.config import Params, PartConfig
from seglens.functional.run_lengths import indices
from seglens.protocols import AskContext, Oracle, PartContext
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
    Size,
)

BATCH = 8
"""Images whose evidence is held at a time."""


class MachineParams(Params):
    """How sure it must be, and who answers before there is a model."""

    confidence: float = Field(
        0.9, gt=0, le=1, description="least probability of a pixel's class to be labelled with it"
    )
    first: PartConfig = Field(
        PartConfig(name="simulated"), description="who answers while there is no model: simulated, human"
    )


@oracles.register("machine")
class Machine:
    """Pseudo-labels: the EMA teacher's class where its probability reaches ``confidence``, nothing elsewhere.

    Never the student's own prediction: a gate that compares the two (``dice-gate``) would always see 1. An answer
    without one sure pixel is ``expired``: it costs nothing and may be asked again. Machine answers cost no clicks and
    no seconds; ``free`` says so to the estimates. It has nothing to say while there is no model: questions of the
    first round go to ``first``, and stay its own when it answers late.

    Deviation: the paper says only that "automatic pixel annotations are simulated by the machine itself"; teacher,
    mirror image and confidence are ours (its follow-up labels where the probability is above 0.9).

    Reference: SegXAL (arXiv 2408.04482), section 3.3, machine oracle; Tarvainen and Valpola, Mean teachers are better
    role models (NeurIPS 2017).
    """

    Params = MachineParams
    needs: ClassVar[frozenset[str]] = frozenset({"teacher"})
    kinds: ClassVar[frozenset[AnswerKind]] = frozenset({AnswerKind.DENSE, AnswerKind.MASK})
    free: ClassVar[bool] = True

    def __init__(self, params: MachineParams, context: PartContext) -> None:
        self.params = params
        if params.first.name == "machine":
            raise SeglensError("ask 'machine': key 'first' names the machine itself; allowed: simulated, human")
        self.first: Oracle = oracles.build(params.first, context)
        self.simulation = self.first.simulation
        self._answers: dict[str, Answer] = {}
        self._seen: set[str] = set()

    def submit(self, queries: Sequence[Query], ask: AskContext) -> None:
        """Answer the questions; one that was handed over before is left out.

        Raises:
            SeglensError: another kind of answer than dense or mask is wanted, or the run trains no EMA teacher.
        """
        for query in queries:
            if query.kind not in self.kinds:
                raise SeglensError(
                    f"ask 'machine': it labels pixels, so it cannot give answers of kind '{query.kind.value}'; "
                    f"allowed: {', '.join(sorted(self.kinds))}"
                )
        earlier = [query for query in queries if ask.evidence is None or query.reason.get("first_round")]
        self.first.submit(earlier, ask)
        kept = self._seen | {query.id for query in earlier}
        fresh = {query.id: query for query in queries if query.id not in kept}
        by_image: dict[ImageId, list[Query]] = {}
        for query in fresh.values():
            by_image.setdefault(query.image, []).append(query)
        found: dict[str, Answer] = {}
        for image, probs in _teacher(ask, list(by_image)):
            confidence, classes = probs.max(0)
            sure = np.where((confidence >= self.params.confidence).cpu().numpy(), classes.cpu().numpy(), IGNORE)
            found |= {query.id: _answer(query, sure.astype(np.uint8)) for query in by_image[image]}
        self._answers |= {id: found[id] for id in fresh}
        self._seen |= set(fresh)

    def collect(self) -> list[Answer]:
        """The answers since the last call, in the order asked."""
        answers, self._answers = list(self._answers.values()), {}
        return [*self.first.collect(), *answers]


def _teacher(ask: AskContext, images: Sequence[ImageId]) -> Iterator[tuple[ImageId, Tensor]]:
    """Each image with its (C, h, w) teacher probabilities."""
    for start in range(0, len(images), BATCH):
        ids = images[start : start + BATCH]
        assert ask.evidence is not None
        yield from zip(ids, ask.evidence(ids).teacher, strict=True)


def _answer(query: Query, sure: ByteArray) -> Answer:
    dense = sure.ravel()[_pixels_at(query, sure.shape)]
    pixels = int((dense != IGNORE).sum())
    if not pixels:
        return Answer(query.id, AnswerStatus.EXPIRED, Cost(), Provenance.MACHINE)
    return Answer(query.id, AnswerStatus.ANSWERED, Cost(pixels=float(pixels)), Provenance.MACHINE, dense=dense)


def _pixels_at(query: Query, size: Size) -> IntArray:
    """For each of the region's native pixels the number of the map's pixel that it lies in."""
    y, x = np.divmod(indices(query.region.runs), query.region.size[1])
    at: IntArray = (y * size[0] // query.region.size[0]) * size[1] + x * size[1] // query.region.size[1]
    return at
