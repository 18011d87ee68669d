"""People answer. Their answers reach the store by themselves (``seglens answer``); the loop waits for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field, ValidationError

from seglens.config import Params, describe
from seglens.files import read_index
from seglens.functional.cells import cell_of
from seglens.functional.run_lengths import decode, indices
from seglens.protocols import AskContext, Oracle, PartContext
from seglens.registry import oracles
from seglens.types import (
    IGNORE,
    Answer,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    Chance,
    ClassTable,
    Cost,
    Provenance,
    Query,
    SeglensError,
)

MOST = 1e9
"""Most clicks, or seconds, that one answer may say it took."""


@oracles.register("human")
class HumanOracle:
    """Questions wait in the store until people have answered them."""

    simulation = False
    needs: ClassVar[frozenset[str]] = frozenset()
    kinds: ClassVar[frozenset[AnswerKind]] = frozenset(AnswerKind)
    free: ClassVar[bool] = False

    class Params(Params):
        """Parameters."""

        enough: float = Field(1.0, gt=0, le=1, description="share of a round's answers that ends the waiting")
        overlap: float = Field(
            0.0, ge=0, le=1, description="share of a round's questions that two people answer; disagreement is reviewed"
        )
        agree: float = Field(
            0.9, gt=0, le=1, description="share of equal pixels from which two drawn answers agree (overlap)"
        )

    def __init__(self, params: HumanOracle.Params, context: PartContext) -> None:
        self.params = params

    def submit(self, queries: Sequence[Query], ask: AskContext) -> None:
        """Nothing to do: the questions are in the store, where people's tools read them."""

    def collect(self) -> list[Answer]:
        """Nothing to bring: people's tools write to the store."""
        return []


def asked_twice(ids: Sequence[str], oracle: Oracle, chance: Chance) -> tuple[list[str], float]:
    """Which of a round's questions two people answer, and from which share of equal pixels their drawings agree.

    Args:
        ids: the round's questions.
        oracle: who answers; only people are asked twice.
        chance: of the round.

    Returns:
        The ids, in the order given; none where the oracle has no ``overlap``.
    """
    if not isinstance(oracle, HumanOracle) or not oracle.params.overlap:
        return [], 1.0
    count = round(oracle.params.overlap * len(ids))
    drawn = set(chance.child("overlap").numpy().permutation(len(ids))[:count].tolist())
    return [id for place, id in enumerate(ids) if place in drawn], oracle.params.agree


class AnswerLine(Params):
    """One line of an answers file."""

    query: str = Field(description="id of the question")
    status: AnswerStatus = Field(AnswerStatus.ANSWERED, description="what became of the question")
    classes: tuple[str, ...] = Field(
        (), description="class names: one for a dominant class or point, several for a set"
    )
    point: tuple[int, int] | None = Field(None, description="(y, x) of a point answer, pixels of the image")
    mask: Path | None = Field(
        None, description="PNG of class indices in the image's size, for a dense answer or a mask"
    )
    annotator: str = Field("", description="who answered")
    clicks: float | None = Field(
        None, ge=0, le=MOST, allow_inf_nan=False, description="clicks it took; null = one a class, or as estimated"
    )
    seconds: float = Field(0.0, ge=0, le=MOST, allow_inf_nan=False, description="seconds it took")


def read_answers(file: Path, queries: Mapping[str, Query], classes: ClassTable) -> list[Answer]:
    """Answers from a file of JSON lines (see ``AnswerLine``).

    Args:
        file: the file.
        queries: every question of the run, by id.
        classes: of the run.

    Raises:
        SeglensError: a line that is no such answer, an unknown query or class; nothing is stored.
    """
    answers = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SeglensError(f"{file}: cannot be read ({error})") from None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        where = f"{file}:{number}"
        line = _line(text, where)
        if line.query not in queries:
            raise SeglensError(f"{where}: unknown query '{line.query}': this run never asked it")
        answers.append(_answer(line, queries[line.query], classes, where))
    return answers


def _line(text: str, where: str) -> AnswerLine:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half characters, as "\\ud83d", are no text
    except (ValueError, RecursionError) as error:
        raise SeglensError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise SeglensError(f"{where}: expected a JSON object, found {type(value).__name__}")
    try:
        return AnswerLine(**value)
    except ValidationError as error:
        raise SeglensError(describe(error, AnswerLine, where)) from None


def _answer(line: AnswerLine, query: Query, classes: ClassTable, where: str) -> Answer:
    unknown = [name for name in line.classes if name not in classes.names]
    if unknown:
        raise SeglensError(f"{where}: unknown class '{unknown[0]}'. Allowed: {', '.join(classes.names)}")
    named = tuple(classes.names.index(name) for name in line.classes)
    dense, pixels = None, 0
    if line.status is AnswerStatus.ANSWERED:
        pixels = query.region.pixels
        if query.kind in (AnswerKind.DENSE, AnswerKind.MASK):
            dense = _dense(line, query, classes, where)
            pixels = int((dense != IGNORE).sum())
        elif query.kind is AnswerKind.CLASS_SET and not named:
            raise SeglensError(f"{where}: key 'classes': a class-set answer names at least one class")
        elif query.kind in (AnswerKind.DOMINANT_CLASS, AnswerKind.POINT) and len(named) != 1:
            raise SeglensError(
                f"{where}: key 'classes': a {query.kind.value} answer names one class, found {len(named)}"
            )
    if query.kind is AnswerKind.POINT and line.status is AnswerStatus.ANSWERED:
        pixels = _point_pixels(line.point, query, where)
    clicks = line.clicks
    if clicks is None:
        clicks = query.estimate.clicks if dense is not None else max(1.0, float(len(named)))
    cost = Cost(clicks, pixels, line.seconds)
    return Answer(query.id, line.status, cost, Provenance.PERSON, named, dense, line.point, line.annotator)


def _point_pixels(point: tuple[int, int] | None, query: Query, where: str) -> int:
    """How many pixels a point answer labels: the region's part of the point's cell."""
    region = query.region
    if point is None:
        raise SeglensError(f"{where}: key 'point': a point answer says where, (y, x)")
    if not (0 <= point[0] < region.size[0] and 0 <= point[1] < region.size[1]):
        raise SeglensError(f"{where}: key 'point': {point} lies outside the image of {region.size}")
    inside = indices(region.runs)
    if point[0] * region.size[1] + point[1] not in inside:
        raise SeglensError(f"{where}: key 'point': {point} lies outside the region asked about")
    return int(cell_of(inside, region.size, point).sum())


def _dense(line: AnswerLine, query: Query, classes: ClassTable, where: str) -> ByteArray:
    if line.mask is None:
        raise SeglensError(f"{where}: key 'mask': a {query.kind.value} answer needs a PNG of class indices")
    values = read_index(line.mask, query.region.size)[decode(query.region.runs, query.region.size)]
    bad = np.setdiff1d(values, [*range(len(classes)), IGNORE])
    if len(bad):
        raise SeglensError(
            f"{line.mask}: unknown class index {int(bad[0])}; allowed 0 to {len(classes) - 1} and {IGNORE}"
        )
    return values.astype(np.uint8)
