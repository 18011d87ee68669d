"""The last round's model labels what nobody has labelled, where it is sure."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from seglens.functional.uncertainty import entropy
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.companions.taught import Taught, TaughtParams
from seglens.training.pseudo import TINY
from seglens.training.source import Course


class ConfidentParams(TaughtParams):
    """When the last round's model is believed."""

    warm_up: float = Field(0.0, ge=0, le=1, description="share of the training over which the weight rises from 0")
    sees: Literal["same", "mirrored", "both"] = Field(
        "same", description="what the teacher sees: the learner's view, its mirror image, or both (their mean)"
    )
    entropy: float = Field(0.0275, gt=0, description="most entropy of a label that is taken from it in round 1, bits")
    decay: float = Field(0.001815, ge=0, description="what that falls by each later round, bits; at 0 none is taken")


@companions.register("confident")
class Confident(Taught):
    """The model learns from the last round's, which labels pixels without a label where its entropy is low.

    That model stays as it is during the training. In a round before which there is none, nothing is taught.

    Reference:
        Wang et al., Cost-effective active learning (CEAL), IEEE TCSVT 2017, section III-B; per pixel, in bits and with
        these values, as ViewAL (Siddiqui et al., CVPR 2020) compares with it. Deviation: they label each pool image
        once, and only images without any label; here pixels are labelled as they are met, in partly labelled images
        too.
    """

    Params = ConfidentParams
    name: ClassVar[str] = "confident"

    def __init__(self, params: ConfidentParams, context: PartContext) -> None:
        super().__init__(params, context)
        self.params = params
        self._last: SegNet | None = None

    def start(self, net: nn.Module, course: Course) -> None:
        """Take up the last round's model."""
        super().start(net, course)
        last = course.source.last()
        self._last = None if last is None else last.to(self.learner.mean.device).eval().requires_grad_(False)

    def teacher(self) -> SegNet | None:
        """The last round's model."""
        return self._last

    def believed(self, probs: Tensor) -> Tensor:
        """Where the entropy is at most what this round allows."""
        rounds = max(0, self.course.source.round - 1)
        bits = entropy(probs.clamp_min(TINY).log()) * math.log2(probs.shape[1])
        return bits <= self.params.entropy - self.params.decay * rounds
