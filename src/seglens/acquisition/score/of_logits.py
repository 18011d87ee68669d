"""What scores have in common that are functions of the logits alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from seglens import config
from seglens.config import NoParams
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, PartContext
from seglens.types import FloatArray, PixelScore, Rows


class OfLogits(ABC):
    """A score of one forward pass: a value a pixel, of which a region takes the mean."""

    Params: ClassVar[type[config.Params]] = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: config.Params, context: PartContext) -> None:
        self.params = params

    @abstractmethod
    def value(self, logits: Tensor) -> Tensor:
        """(N, h, w) float32, higher = ask sooner, from (N, C, h, w)."""

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class for picks that go by class."""
        logits = ev.logits
        return PixelScore(self.value(logits), predicted(logits), classes=logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
