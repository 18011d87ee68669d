"""Score by entropy."""

from __future__ import annotations

from torch import Tensor

from seglens.acquisition.score.of_logits import OfLogits
from seglens.functional.uncertainty import entropy
from seglens.registry import scores


@scores.register("entropy")
class Entropy(OfLogits):
    """Entropy of the softmax over log C; a region takes the mean."""

    def value(self, logits: Tensor) -> Tensor:
        """(N, h, w) in [0, 1]."""
        return entropy(logits)
