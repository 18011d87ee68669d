"""Score by one versus rest: for each class, how open it is whether a pixel is of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import binary_entropy, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import Aggregate, FloatArray, PixelScore, Rows, SeglensError


class OneVsRestParams(Params):
    """How a region's pixels become its score for a class."""

    aggregate: Aggregate = Field(
        "max", description="of a region's pixels: the max (the paper's), their mean, or the mean of the top tenth"
    )


@scores.register("one-vs-rest")
class OneVsRest:
    """The binary entropy of each class's probability; a region has a score for each class, and counts by its highest.

    u_c(x) = -p_c log2 p_c - (1 - p_c) log2 (1 - p_c). Picks that go by class take a region's score for the class,
    whatever is predicted there: a region between pole and house is a candidate of both.

    Reference: OREAL (WACV 2025, arXiv 2412.06470). One doubtful pixel is enough for the maximum, the paper's choice:
    compare it with ``mean`` and ``top``.
    """

    Params = OneVsRestParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits", "probs"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: OneVsRestParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The highest score of each pixel, its predicted class, and its score for each class."""
        each = binary_entropy(ev.probs)
        return PixelScore(
            each.amax(1),
            predicted(ev.logits),
            classes=each.shape[1],
            by_class=each,
            aggregate=self.params.aggregate,
        )

    def finish(self, rows: Rows) -> FloatArray:
        """The highest of each region's scores.

        Raises:
            SeglensError: the rows lack the score by class.
        """
        if not len(rows):
            return np.zeros(0)
        if "by_class" not in rows.arrays:
            raise SeglensError("score 'one-vs-rest': the rows lack by_class")
        return np.asarray(rows.arrays["by_class"].max(1))
