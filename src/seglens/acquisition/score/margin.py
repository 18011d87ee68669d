"""Score by margin."""

from __future__ import annotations

from typing import ClassVar

from seglens.config import NoParams
from seglens.functional.uncertainty import margin, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


@scores.register("margin")
class Margin:
    """1 - (p1 - p2); a region takes the mean. Reference: PixelPick (Shin et al., ICCVW 2021)."""

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class for picks that go by class."""
        logits = ev.logits
        return PixelScore(margin(logits), predicted(logits), classes=logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
