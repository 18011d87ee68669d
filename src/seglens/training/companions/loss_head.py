"""A head that learns, beside the model, which images the model will get wrong."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.models.loss_head import LossHead
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.losses import rank_loss
from seglens.training.optim import learning_rate_factor, set_learning_rate
from seglens.training.recipe import StepOutputs
from seglens.training.source import Course
from seglens.types import SeglensError


class LossHeadParams(Params):
    """How the head is trained."""

    weight: float = Field(1.0, gt=0, description="weight of the ranking loss beside the model's loss (lambda)")
    margin: float = Field(1.0, gt=0, description="how far apart two images are to be predicted (xi)")
    lr: float = Field(1e-3, gt=0, description="peak learning rate of the head; it follows train.schedule")
    optimiser: Literal["adamw", "sgd"] = Field("adamw", description="optimiser of the head (sgd: momentum 0.9)")
    weight_decay: float = Field(5e-4, ge=0, description="weight decay of the head")
    detach_after: float = Field(
        0.6, ge=0, le=1, description="share of the training after which the head no longer teaches the encoder"
    )


@companions.register("loss-head")
class LossHeadCompanion:
    """Predicts each image's loss from the encoder's six stages; learns the order of the images of a batch.

    In the finetune rhythm the ranking loss reaches the encoder too, until ``detach_after`` of the training: part of
    what loss prediction gains is this regularisation, so a comparison gives the companion to every method. In the
    interactive rhythm the stages come from the cache of a fixed encoder: nothing is taught but the head, and the
    model's training is the same bit for bit.

    An image's true loss is its mean cross-entropy over its labelled pixels; images without any are left out.

    Reference:
        Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019, sections 3.1 and 3.3 (lambda = xi = 1, gradient
        into the model stopped after 120 of 200 epochs); CPRAL (arXiv 2112.05975), section 3.2. Deviation: an optimiser
        of its own, AdamW unless told, where they train head and model by one SGD: the model's recipe stays what it is
        without the head. On CamVid 1e-3 to 3e-2 rank held-out images alike, and stages need no standardising.
    """

    Params = LossHeadParams
    name: ClassVar[str] = "loss-head"
    needs: ClassVar[frozenset[str]] = frozenset({"stages"})

    def __init__(self, params: LossHeadParams, context: PartContext) -> None:
        self.params = params
        self._head: LossHead | None = None
        self._optimiser: torch.optim.Optimizer | None = None
        self._course: Course | None = None
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin with weights drawn by the training's chance.

        Raises:
            SeglensError: the encoder has no named stages.
        """
        student = cast(SegNet, net)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(course.chance.child(self.name).seed())
            head = LossHead(student.stage_channels)
        self._head = head.to(student.mean.device).train()
        self._optimiser = self._built_optimiser(head)
        self._course, self._steps = course, 0

    def model(self) -> LossHead:
        """The head.

        Raises:
            SeglensError: no training has begun.
        """
        if self._head is None:
            raise SeglensError("loss-head: no training has begun")
        return self._head

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is."""
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The weighted ranking loss; it reaches the encoder until ``detach_after`` of the training."""
        assert self._course is not None
        stages = outputs.stages
        if self._steps >= self.params.detach_after * self._course.steps:
            stages = stages.detach()
        predicted = self.model()(stages)[:, 0]
        return self.params.weight * rank_loss(predicted, outputs.losses, self.params.margin)

    def step(self) -> None:
        """A step of the head's own optimiser, at the run's schedule."""
        assert self._course is not None
        assert self._optimiser is not None
        config, steps = self._course.config, self._course.steps
        factor = learning_rate_factor(config.schedule, self._steps, steps, config.drop_at)
        set_learning_rate(self._optimiser, factor)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._steps += 1

    def state(self) -> dict[str, Any]:
        """The head, its optimiser, and the companion itself for the steps done."""
        return {"head": self.model(), "optimiser": self._optimiser, "steps": self}

    def state_dict(self) -> dict[str, int]:
        """Steps done."""
        return {"done": self._steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = state["done"]

    def _built_optimiser(self, head: LossHead) -> torch.optim.Optimizer:
        values = self.params
        groups = [{"params": list(head.parameters()), "lr": values.lr, "peak": values.lr}]
        if values.optimiser == "sgd":
            return torch.optim.SGD(groups, momentum=0.9, weight_decay=values.weight_decay)
        return torch.optim.AdamW(groups, weight_decay=values.weight_decay)
