"""What companions share whose networks give labels to pixels that have none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.training.batches import Batch
from seglens.training.class_mix import class_masks, mix, mix_features, mix_images
from seglens.training.companions.begun import Begun, mirror
from seglens.training.pixels import logits_at
from seglens.training.pseudo import cell_centres, mirrored_places, pseudo_label_loss
from seglens.training.recipe import StepOutputs, coarse_logits, run_step
from seglens.training.source import Course


class TaughtParams(Params):
    """What is taught without labels, and how much it counts."""

    images: int = Field(
        8,
        ge=0,
        description="images of the pool that are learnt from without labels, a step; 0 = those of the step itself, "
        "whose predictions are at hand",
    )
    weight: float = Field(1.0, gt=0, description="weight beside the loss of labels, once warm")
    warm_up: float = Field(0.3, ge=0, le=1, description="share of the training over which the weight rises from 0")
    balanced: bool = Field(True, description="whether rare classes weigh more, as in the loss of labels")
    sees: Literal["same", "mirrored", "both"] = Field(
        "mirrored", description="what the teacher sees: the learner's view, its mirror image, or both (their mean)"
    )
    mix: bool = Field(
        False, description="whether half of the classes of each image are pasted over the next (ClassMix)"
    )


class Taught(Begun, ABC):
    """A companion that lets a teacher label pixels without a label.

    Each step the teacher predicts a few images without dropout; where it is believed, the learner, with dropout, is to
    say the same. In the interactive rhythm the images come from the feature cache.
    """

    def __init__(self, params: TaughtParams, context: PartContext) -> None:
        super().__init__()
        self.values = params

    @property
    def unlabelled_images(self) -> int:
        """Images of the pool a step; 0 = the step's own."""
        return self.values.images

    @abstractmethod
    def teacher(self) -> SegNet | None:
        """Who labels, in eval; None while there is nobody."""

    @abstractmethod
    def believed(self, probs: Tensor) -> Tensor:
        """(N, P, 1) bool: whether to take the teacher's word, (N, C, P, 1) probabilities, for a label."""

    def start(self, net: nn.Module, course: Course) -> None:
        """A training of ``net`` begins.

        Raises:
            SeglensError: no mirror images in the cache.
        """
        super().start(net, course)
        if self.values.sees != "same":
            self.check_mirrored()

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The weighted loss of what the teacher says."""
        teacher, factor = self.teacher(), self.warmth
        if teacher is None or not factor:
            return outputs.logits.new_zeros(())
        given = self.given
        with torch.no_grad():
            probs = self.taught(teacher, given)
            shown = given
            if self.values.mix:
                masks = class_masks(probs.argmax(1), [chance.child("mix") for chance in given.chances])
                probs, shown = mix(probs, masks), mixed(given, masks, teacher.decoder.stride)
            said = logits_at(probs, given.places, teacher.decoder.stride)
            labels, believed = said.argmax(1), self.believed(said)
        logits = self._learnt(shown, outputs)
        weights = self.course.class_weights if self.values.balanced else None
        loss = pseudo_label_loss(logits, labels, believed, given.targets.weight, weights)
        return self.values.weight * factor * loss

    def _learnt(self, shown: Batch, outputs: StepOutputs) -> Tensor:
        """(N, C, P, 1) the learner's logits of what it is shown; of the step's own images they are at hand."""
        if self.values.images or self.values.mix:
            return run_step(self.learner, shown, self.precision).logits
        return logits_at(outputs.coarse, shown.places, self.learner.decoder.stride)

    def taught(self, teacher: SegNet, given: Batch) -> Tensor:
        """(N, C, H / s, W / s) float32 probabilities that the teacher gives the learner's view, at its stride."""
        views = []
        if self.values.sees != "mirrored":
            views.append(self._probs(teacher, given))
        if self.values.sees != "same":
            stride, width = teacher.decoder.stride, teacher.config.size[1]
            other = self._probs(teacher, mirror(given, width))
            centres = mirrored_places(cell_centres((other.shape[2], other.shape[3]), stride), width)
            back = logits_at(other, centres.to(other.device).expand(len(other), -1, -1), stride)
            views.append(back.view(other.shape))
        return torch.stack(views).mean(0)

    def _probs(self, teacher: SegNet, given: Batch) -> Tensor:
        coarse, *_ = coarse_logits(teacher, given.features, given.images, self.precision)
        return coarse.float().softmax(1)

    @property
    def warmth(self) -> float:
        """What the weight is multiplied by at this step, 0 to 1."""
        warm = self.values.warm_up * self.course.steps
        return min(1.0, self.steps / warm) if warm else 1.0


def mixed(given: Batch, masks: Tensor, stride: int) -> Batch:
    """A batch of which each image holds its own pixels where its mask is, and else the next one's."""
    if given.features is not None:
        return replace(given, features=mix_features(given.features, masks))
    assert given.images is not None
    return replace(given, images=mix_images(given.images, masks, stride))
