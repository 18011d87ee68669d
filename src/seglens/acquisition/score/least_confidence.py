"""Score by least confidence."""

from __future__ import annotations

from typing import ClassVar

from seglens.config import NoParams
from seglens.functional.uncertainty import least_confidence, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


@scores.register("least-confidence")
class LeastConfidence:
    """1 - p1; a region takes the mean. Reference: Lewis & Gale, SIGIR 1994 (uncertainty sampling)."""

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class for picks that go by class."""
        logits = ev.logits
        return PixelScore(least_confidence(logits), predicted(logits), classes=logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
