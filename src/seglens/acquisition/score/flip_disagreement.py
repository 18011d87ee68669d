"""Score by doubt about an image and its mirror image, and by how far the two predictions differ."""

from __future__ import annotations

from typing import ClassVar

from seglens.config import NoParams
from seglens.functional.disagreement import inconsistency, probability_entropy
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


@scores.register("flip-disagreement")
class FlipDisagreement:
    """Mean of the entropies of an image and its mirror image and of their inconsistency; a region takes the mean.

    (H(p) + H(q) + JS(p, q)) / 3, q the mirrored prediction of the mirrored image, entropies over log C and the
    Jensen-Shannon divergence over log 2: each in [0, 1], on the same scale in every image.

    Reference: Golestaneh & Kitani, Importance of self-consistency in active learning for semantic segmentation (EquAL),
        BMVC 2020. Deviation: the divergence that measures the inconsistency, which is symmetric and bounded, is ours.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"probs", "view:flip"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with the class predicted for the image as it is."""
        probs, mirrored = ev.probs, ev.view("flip")
        doubt = probability_entropy(probs) + probability_entropy(mirrored)
        value = (doubt + inconsistency(probs, mirrored)) / 3
        return PixelScore(value, predicted(probs), classes=probs.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
