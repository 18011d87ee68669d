"""Score by region impurity: doubt where many classes are predicted close together."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.functional.impurity import box_mean, impurity
from seglens.functional.uncertainty import entropy, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class ImpurityParams(Params):
    """How far around a pixel is looked."""

    k: int = Field(
        1, gt=0, description="the window is (2k + 1)^2 pixels at the model's size: 1 for regions, 32 for points"
    )


@scores.register("impurity")
class Impurity:
    """Impurity of the predicted classes times mean entropy, both in the window around each pixel.

    S(x) = H(histogram of argmax p in the window) * mean of H(p) over the window; both over log C, so that S lies in
    [0, 1] for any number of classes. High at borders and at objects smaller than the window; a region takes the mean.

    Reference: RIPU (Xie et al., CVPR 2022), eq. of the acquisition score.
    """

    Params = ImpurityParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: ImpurityParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class for picks that go by class."""
        logits, k = ev.logits, self.params.k
        classes, group = logits.shape[1], predicted(logits)
        value = impurity(group, classes, k) * box_mean(entropy(logits), k)
        return PixelScore(value, group, classes=classes)

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
