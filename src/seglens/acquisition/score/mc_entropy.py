"""Score by the mean prediction of many passes with dropout on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import entropy, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class McEntropyParams(Params):
    """How many passes."""

    passes: int = Field(20, gt=0, description="passes with dropout on, whose probabilities are averaged")


@scores.register("mc-entropy")
class McEntropy:
    """Entropy of the mean probabilities of passes with dropout on (MC dropout), over log C; a region takes the mean.

    Reference: Gal & Ghahramani, ICML 2016; as a score, Gal et al., Deep Bayesian active learning, ICML 2017.
    """

    Params = McEntropyParams
    needs: ClassVar[frozenset[str]] = frozenset({"sampled"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: McEntropyParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with the class of the greatest mean probability."""
        probs = ev.sampled(self.params.passes)
        group = predicted(probs)
        # the softmax of log p is p: no probability is zero but by underflow, which the entropy does not see
        return PixelScore(entropy(probs.log()), group, classes=probs.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
