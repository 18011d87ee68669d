"""What an answer costs: in clicks, in pixels and in seconds of stated length."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.cells import CELL
from seglens.functional.contours import ContourClicks
from seglens.protocols import Oracle
from seglens.types import AnswerKind, Cost, FloatArray, IntArray, Region, Rows, SeglensError

LINES_PER_PIXEL = 0.0165
"""Vertices and intersections of a dense answer a native pixel: CamVid, windows of 30 to 240 pixels, tolerance 1."""
SEGMENTS_PER_PIXEL = 0.0016
"""Segments of a dense answer a native pixel, beside the first; measured likewise."""
CLASSES = 2.0
"""Assumed classes of a class set that is not answered yet."""


class Seconds(Params):
    """How long an action takes; stated with every figure in seconds."""

    click: float = Field(
        2.4, ge=0, description="seconds to find a place and click its class (first click in Bearman et al., ECCV 2016)"
    )
    vertex: float = Field(
        0.9, ge=0, description="seconds for a polygon vertex (assumed: as a further click in Bearman et al.)"
    )
    choice: float = Field(
        2.4, ge=0, description="seconds to choose the class of a drawn segment, or one more class (assumed: as a click)"
    )


def answer_cost(kind: AnswerKind, pixels: float, seconds: Seconds, classes: float = 1) -> Cost:
    """The cost of an answer by clicks alone.

    Args:
        kind: dominant-class, point or class-set.
        pixels: answered pixels that are not void.
        seconds: time of each action.
        classes: classes named, for a class set.

    Returns:
        One click, or one click a class.

    Raises:
        SeglensError: a kind that is not answered by clicks alone.

    Reference: Cai et al. (CVPR 2021) for one click a region, Hwang et al. (NeurIPS 2023) for one a class.
    """
    if kind in (AnswerKind.DOMINANT_CLASS, AnswerKind.POINT):
        return Cost(1.0, float(pixels), seconds.click)
    if kind is AnswerKind.CLASS_SET:
        clicks = max(float(classes), 1.0)
        return Cost(clicks, float(pixels), seconds.click + (clicks - 1) * seconds.choice)
    raise SeglensError(f"answer: the cost of '{kind.value}' is not known; allowed: {', '.join(sorted(PRICED))}")


PRICED = tuple(
    kind.value
    for kind in (AnswerKind.DENSE, AnswerKind.MASK, AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET, AnswerKind.POINT)
)
"""The kinds of answers whose cost is known."""


def drawing_cost(drawn: ContourClicks, pixels: int, seconds: Seconds) -> Cost:
    """The cost of a dense answer that is drawn as polygons.

    Args:
        drawn: its clicks.
        pixels: answered pixels that are not void.
        seconds: time of each action.

    Returns:
        c_p + c_i + c_c clicks; one where all is void.
    """
    if not drawn.segments:
        return Cost(1.0, 0.0, seconds.click)
    lines = drawn.vertices + drawn.intersections
    return Cost(float(drawn.total), float(pixels), lines * seconds.vertex + drawn.segments * seconds.choice)


def estimate(region: Region, fresh: int, kind: AnswerKind, oracle: Oracle, first: bool = False) -> Cost:
    """What the answer about a region will cost, before it is asked and without a look at labels.

    Dominant class and point are exact, void aside. A class set is taken for ``CLASSES`` classes. A dense answer or mask
    is taken for 1 + 0.0016 p segments and 0.0165 p vertices for its p pixels, as measured on CamVid's masks: right on
    average over street scenes of that size, rough for a single region. In a simulation what is really paid is charged
    afterwards; a round of people goes by these estimates (``loop.stages``).

    Args:
        region: the region.
        fresh: its pixels that were not asked about yet.
        kind: the answer asked for.
        oracle: who answers; its ``params.seconds`` are used where it has them. One with ``free`` (the machine) costs
            no clicks and no seconds.
        first: there is no model yet; a machine's questions then go to its ``first`` oracle, at that one's price.

    Returns:
        The estimated cost.

    Raises:
        SeglensError: a kind whose cost is not known.
    """
    clicks, seconds = _clicks_seconds(np.array([region.pixels]), kind, oracle, first)[0]
    shown = min(fresh, CELL * CELL) if kind is AnswerKind.POINT else fresh
    return Cost(float(clicks), float(shown), float(seconds))


def estimate_rows(rows: Rows, kind: AnswerKind, oracle: Oracle, first: bool = False) -> FloatArray:
    """:func:`estimate` of each row.

    Args:
        rows: R rows.
        kind: the answer asked for.
        oracle: who answers.
        first: there is no model yet.

    Returns:
        (R, 2) clicks and seconds.

    Raises:
        SeglensError: a kind whose cost is not known.
    """
    return _clicks_seconds(rows.sizes, kind, oracle, first)


def _clicks_seconds(pixels: IntArray, kind: AnswerKind, oracle: Oracle, first: bool) -> FloatArray:
    if first:
        oracle = getattr(oracle, "first", oracle)
    if oracle.free:
        return np.zeros((len(pixels), 2))
    seconds = getattr(getattr(oracle, "params", None), "seconds", None) or Seconds()
    if kind in (AnswerKind.DENSE, AnswerKind.MASK):
        segments = 1 + SEGMENTS_PER_PIXEL * np.asarray(pixels, np.float64)
        lines = LINES_PER_PIXEL * np.asarray(pixels, np.float64)
        return np.stack([segments + lines, segments * seconds.choice + lines * seconds.vertex], axis=1)
    one = answer_cost(kind, 0, seconds, CLASSES)
    return np.tile([one.clicks, one.seconds], (len(pixels), 1))
