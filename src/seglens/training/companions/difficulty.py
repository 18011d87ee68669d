"""A branch that learns, beside the model, where the model's prediction is wrong."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import Params
from seglens.models.difficulty import DifficultyNet
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.optim import learning_rate_factor, set_learning_rate
from seglens.training.pixels import logits_at
from seglens.training.recipe import StepOutputs
from seglens.training.source import Course
from seglens.types import IGNORE, SeglensError


class DifficultyParams(Params):
    """How the branch is trained."""

    lr: float = Field(3e-2, gt=0, description="peak learning rate of the branch (Adam); it follows train.schedule")


@companions.register("difficulty")
class DifficultyCompanion:
    """Learns from the segmenter's own errors on labelled pixels how difficult a pixel is; it teaches the branch alone.

    The target of a labelled pixel is whether argmax and label differ; of ``n`` wrong pixels in a batch each weighs
    1 / sqrt(n + 1), of the right ones likewise.

    Reference:
        DEAL (Xie et al., ACCV 2020), sections 3.2 and 3.3. Deviation: there the sum of both losses trains both
        branches; here the branch reads the prediction without gradient and has an optimiser of its own, so that the
        segmenter's training is the same bit for bit. What is compared is then how images are chosen, nothing else.
    """

    Params = DifficultyParams
    name: ClassVar[str] = "difficulty"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: DifficultyParams, context: PartContext) -> None:
        self.params = params
        self._net: DifficultyNet | None = None
        self._optimiser: torch.optim.Optimizer | None = None
        self._course: Course | None = None
        self._places: Tensor | None = None
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin with weights drawn by the training's chance."""
        student = cast(SegNet, net)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(course.chance.child(self.name).seed())
            branch = DifficultyNet(len(student.classes), student.decoder.stride)
        self._net = branch.to(student.mean.device).train()
        groups = [{"params": list(branch.parameters()), "lr": self.params.lr, "peak": self.params.lr}]
        self._optimiser = torch.optim.Adam(groups)
        self._course, self._steps = course, 0

    def model(self) -> DifficultyNet:
        """The branch.

        Raises:
            SeglensError: no training has begun.
        """
        if self._net is None:
            raise SeglensError("difficulty: no training has begun")
        return self._net

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is; where its loss looks is where errors are."""
        self._places = batch.places
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The weighted cross-entropy of right and wrong pixels; it reaches the branch alone."""
        net = self.model()
        assert self._places is not None
        said = logits_at(net(outputs.coarse.detach()), self._places.to(outputs.coarse.device), net.stride)[:, 0]
        labelled = outputs.targets.index != IGNORE
        wrong = outputs.logits.detach().argmax(1) != outputs.targets.index
        return balanced(said[labelled], wrong[labelled])

    def step(self) -> None:
        """A step of the branch's own optimiser, at the run's schedule."""
        assert self._course is not None
        assert self._optimiser is not None
        config, steps = self._course.config, self._course.steps
        factor = learning_rate_factor(config.schedule, self._steps, steps, config.drop_at)
        set_learning_rate(self._optimiser, factor)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._steps += 1

    def state(self) -> dict[str, Any]:
        """The branch, its optimiser, and the companion itself for the steps done."""
        return {"branch": self.model(), "optimiser": self._optimiser, "steps": self}

    def state_dict(self) -> dict[str, int]:
        """Steps done."""
        return {"done": self._steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = state["done"]


def balanced(said: Tensor, wrong: Tensor) -> Tensor:
    """Binary cross-entropy of wrong and right pixels, each kind's weighted by 1 / sqrt(its count + 1).

    Args:
        said: (P,) logits of being wrong.
        wrong: (P,) bool.

    Returns:
        Scalar: the weighted mean; 0, with a gradient of 0, where there is no pixel.

    Example:
        >>> round(float(balanced(torch.zeros(3), torch.tensor([True, False, False]))), 4)
        0.6931
    """
    counts = torch.stack([(~wrong).sum(), wrong.sum()])
    weight = (counts + 1).float().rsqrt()[wrong.long()]
    each = functional.binary_cross_entropy_with_logits(said, wrong.to(said.dtype), reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(1e-8)
