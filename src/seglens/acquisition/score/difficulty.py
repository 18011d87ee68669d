"""Score by a branch that has learnt where the model's prediction is wrong."""

from __future__ import annotations

from typing import ClassVar

from seglens.config import NoParams
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


@scores.register("difficulty")
class DifficultyScore:
    """How difficult the difficulty branch holds a pixel to be, in [0, 1]; a region takes the mean.

    It needs the companion ``difficulty``.

    Reference: DEAL (Xie et al., ACCV 2020), section 3.2; there images are chosen by it (narrow ``difficulty``).
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"map:difficulty", "logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The difficulty of each pixel, with its predicted class."""
        logits = ev.logits
        return PixelScore(ev.companion_map("difficulty"), predicted(logits), classes=logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
