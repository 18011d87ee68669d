"""What class sets teach beside the recipe: each class of a set is somewhere in its region."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.companions.begun import Begun
from seglens.training.losses import merged_positive, prototypical
from seglens.training.recipe import StepOutputs


class PrototypicalParams(Params):
    """Weights beside that of labels, which is 1."""

    weight: float = Field(1 / 16, gt=0, description="weight of the most typical pixel of each class of a set")
    merged: float = Field(0.5, ge=0, description="weight of a set's summed probability, 1 without this companion")


@companions.register("prototypical")
class Prototypical(Begun):
    """In a region with a class set, the pixel that looks most like a class of the set is to be of that class.

    The recipe already asks that a set's summed probability be 1. Without class sets nothing is changed.

    Reference:
        Hwang et al., Active learning for semantic segmentation with multi-class label query (MulActSeg), NeurIPS 2023,
        eq. 5 and 6; weights 16 : 8 : 1 as in the released code. Deviation: the pixels are those that the step's loss
        looks at (``train.loss_pixels``); the second stage, which labels pixels by prototypes, is left out.
    """

    Params = PrototypicalParams
    name: ClassVar[str] = "prototypical"

    def __init__(self, params: PrototypicalParams, context: PartContext) -> None:
        super().__init__()
        self.params = params

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The weighted loss of typical pixels, and what the recipe's loss of sets counts too much or too little."""
        merged = (self.params.merged - 1) * merged_positive(outputs.logits, outputs.targets)
        return merged + self.params.weight * prototypical(outputs.logits, outputs.targets)
