"""Score by how unlikely the likeliest class stays where the image meets the model halfway."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import least_confidence, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class OdinParams(Params):
    """How far the image moves, and how the logits are scaled."""

    temperature: float = Field(1000.0, gt=0, description="divides the logits (T)")
    epsilon: float = Field(
        0.0014,
        ge=0,
        description="how far each colour value, of 0 to 1, moves towards what is predicted; 0 = the temperature alone, "
        "without a backward pass",
    )


@scores.register("odin")
class Odin:
    """1 - the greatest softmax of logits over T, of an image moved by epsilon towards it; a region takes the mean.

    x <- x - epsilon sign(-grad log p1(x; T)), of the sum over the image's pixels. What the model knows becomes more
    certain by it than what it does not.

    With T = 1000 every score lies within a thousandth or so of 1 - 1 / C; only the order means something.

    Reference: Liang et al., Enhancing the reliability of out-of-distribution image detection in neural networks, ICLR
        2018, eqs. 1 and 2 (T = 1000, epsilon = 0.0014), made for whole images; as a score, SegXAL (arXiv 2408.04482)
        compares with it.
    """

    Params = OdinParams
    privileged: ClassVar[bool] = False

    def __init__(self, params: OdinParams, context: PartContext) -> None:
        self.params = params
        self.needs = frozenset({"perturbed"} if params.epsilon else {"logits"})

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class."""
        temperature, epsilon = self.params.temperature, self.params.epsilon
        logits = ev.perturbed(temperature, epsilon) if epsilon else ev.logits
        return PixelScore(least_confidence(logits / temperature), predicted(logits), classes=logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
