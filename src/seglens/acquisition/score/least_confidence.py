"""Score by least confidence."""

from __future__ import annotations

from torch import Tensor

from seglens.acquisition.score.of_logits import OfLogits
from seglens.functional.uncertainty import least_confidence
from seglens.registry import scores


@scores.register("least-confidence")
class LeastConfidence(OfLogits):
    """1 - p1; a region takes the mean. Reference: Lewis & Gale, SIGIR 1994 (uncertainty sampling)."""

    def value(self, logits: Tensor) -> Tensor:
        """(N, h, w) in [0, 1 - 1 / C]."""
        return least_confidence(logits)
