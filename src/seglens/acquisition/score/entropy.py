"""Score by entropy."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field
from torch import Tensor

from seglens.acquisition.score.of_logits import OfLogits
from seglens.config import Params
from seglens.functional.uncertainty import entropy
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import PixelScore


class EntropyParams(Params):
    """For which classes a pixel counts."""

    by_class: Literal["predicted", "probable"] = Field(
        "predicted",
        description="for picks that go by class a pixel counts for its predicted class, or for every class by its "
        "probability (ClaSP PE: H * p_c)",
    )


@scores.register("entropy")
class Entropy(OfLogits):
    """Entropy of the softmax over log C; a region takes the mean."""

    Params = EntropyParams

    def __init__(self, params: EntropyParams, context: PartContext) -> None:
        super().__init__(params, context)
        self.probable = params.by_class == "probable"

    def value(self, logits: Tensor) -> Tensor:
        """(N, h, w) in [0, 1]."""
        return entropy(logits)

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class or its score for each class."""
        px = super().pixels(ev)
        return replace(px, by_class=px.value[:, None] * ev.logits.softmax(1)) if self.probable else px
