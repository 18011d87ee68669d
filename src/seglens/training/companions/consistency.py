"""The model is to say the same of an image and of its mirror image."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.companions.begun import Begun, mirror
from seglens.training.pixels import logits_at
from seglens.training.pseudo import disagreement
from seglens.training.recipe import StepOutputs, run_step
from seglens.training.source import Course


class ConsistencyParams(Params):
    """How much it counts, and of which images."""

    weight: float = Field(1.0, gt=0, description="weight beside the loss of labels")
    images: int = Field(
        0, ge=0, description="images of the pool that are compared with their mirror images, a step; 0 = the step's own"
    )


@companions.register("consistency")
class Consistency(Begun):
    """Self-consistency: the logits of an image and of its mirror image, mirrored back, are to be the same.

    All pixels count, whether they have a label or not. In the interactive rhythm the mirror images come from the
    feature cache.

    Reference:
        Golestaneh and Kitani, Importance of self-consistency in active learning for semantic segmentation (EquAL), BMVC
        2020: squared differences of the logits, weight 1, as in the released code. Deviation: there the labels teach
        the mirror image too; here batches hold mirrored images anyway.
    """

    Params = ConsistencyParams
    name: ClassVar[str] = "consistency"

    def __init__(self, params: ConsistencyParams, context: PartContext) -> None:
        super().__init__()
        self.params = params

    @property
    def unlabelled_images(self) -> int:
        """Images of the pool a step; 0 = the step's own."""
        return self.params.images

    def start(self, net: nn.Module, course: Course) -> None:
        """A training of ``net`` begins.

        Raises:
            SeglensError: no mirror images in the cache.
        """
        super().start(net, course)
        self.check_mirrored()

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The weighted squared difference."""
        given, net = self.given, self.learner
        if self.params.images:
            seen = run_step(net, given, self.precision).logits
        else:
            seen = logits_at(outputs.coarse, given.places, net.decoder.stride)
        other = run_step(net, mirror(given, net.config.size[1]), self.precision).logits
        return self.params.weight * disagreement(seen, other, given.targets.weight)
