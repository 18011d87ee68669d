"""Score by margin."""

from __future__ import annotations

from torch import Tensor

from seglens.acquisition.score.of_logits import OfLogits
from seglens.functional.uncertainty import margin
from seglens.registry import scores


@scores.register("margin")
class Margin(OfLogits):
    """1 - (p1 - p2); a region takes the mean. Reference: PixelPick (Shin et al., ICCVW 2021)."""

    def value(self, logits: Tensor) -> Tensor:
        """(N, h, w) in [0, 1]."""
        return margin(logits)
