"""Score by what passes with dropout on do not agree on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.functional.disagreement import mutual_information
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class BaldParams(Params):
    """How many passes."""

    passes: int = Field(20, ge=2, description="passes with dropout on, which are compared with their mean")


@scores.register("bald")
class Bald:
    """Entropy of the mean prediction of passes with dropout on, less their mean entropy; a region takes the mean.

    What each pass is unsure of by itself (a border, say) cancels out; what is left is what the passes do not agree on.

    Reference: Houlsby et al., Bayesian active learning for classification and preference learning (2011), eq. 2; with
        dropout, Gal et al., Deep Bayesian active learning, ICML 2017. Deviation: over log C, which changes no ranking.
    """

    Params = BaldParams
    needs: ClassVar[frozenset[str]] = frozenset({"sampled"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: BaldParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with the class of the greatest mean probability."""
        probs, entropy = ev.sampled_entropy(self.params.passes)
        return PixelScore(mutual_information(probs, entropy), predicted(probs), classes=probs.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
