"""A committee of heads that learn beside the model's own, on its trunk, each from a sample of the labels."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.models.committee import Heads
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.losses import merged_positive, partial_cross_entropy
from seglens.training.optim import average, learning_rate_factor, optimiser_of, set_learning_rate
from seglens.training.pixels import logits_at
from seglens.training.recipe import StepOutputs
from seglens.training.source import Course
from seglens.types import IGNORE, Chance, ImageId, SeglensError, Targets


class HeadsParams(Params):
    """How many."""

    count: int = Field(4, ge=2, description="heads beside the model's own")


@companions.register("heads")
class HeadsCompanion:
    """Heads that begin with weights of their own and learn from a bootstrap of the labels of their own, by the recipe.

    The trunk's features are detached: the model's training is the same bit for bit. Like the model, the heads are
    averaged (``train.ema``), for it is the averaged trunk that they will read.

    Deviation: the bootstrap draws images, each with all its labelled pixels, as often as there are labelled images.
    Drawn pixel by pixel, the samples would be nearly the same: neighbours are, and there are thousands of them.

    Reference:
        Breiman, Bagging predictors, 1996; Abe and Mamitsuka, Query learning strategies using boosting and bagging,
        ICML 1998.
    """

    Params = HeadsParams
    name: ClassVar[str] = "heads"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: HeadsParams, context: PartContext) -> None:
        self.params = params
        self._heads: Heads | None = None
        self._average: Heads | None = None
        self._optimiser: torch.optim.Optimizer | None = None
        self._course: Course | None = None
        self._drawn: dict[ImageId, Tensor] = {}
        self._stride = 1
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin with weights and samples drawn by the training's chance."""
        student, chance = cast(SegNet, net), course.chance.child(self.name)
        decoder, classes, count = student.decoder, len(student.classes), self.params.count
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(chance.seed())
            heads = Heads(decoder.out_channels, classes, count, decoder.head_kernel).to(student.mean.device)
        config = course.config
        self._heads, self._course, self._stride, self._steps = heads, course, decoder.stride, 0
        self._average = copy.deepcopy(heads).requires_grad_(False) if config.ema else None
        self._optimiser = optimiser_of(
            [{"params": list(heads.parameters()), "lr": config.lr, "peak": config.lr}], config
        )
        self._drawn = bootstrap(list(course.source.ids), count, chance)

    def model(self) -> Heads:
        """The heads, averaged where the model is.

        Raises:
            SeglensError: no training has begun.
        """
        found = self._average if self._average is not None else self._heads
        if found is None:
            raise SeglensError("heads: no training has begun")
        return found

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is."""
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """The model's loss of each head on its own sample, added up; it reaches the heads alone."""
        assert self._heads is not None
        assert self._course is not None
        assert outputs.trunk is not None
        assert outputs.batch is not None
        logits: Tensor = self._heads(outputs.trunk.detach().float()).flatten(1, 2)
        at = logits_at(logits, outputs.batch.places, self._stride).chunk(self.params.count, 1)
        held = torch.stack([self._drawn[id] for id in outputs.batch.ids], 1).to(logits.device)
        total: Tensor = logits.new_zeros(())
        for one, counts in zip(at, held, strict=True):
            targets = resampled(outputs.targets, counts)
            total = total + partial_cross_entropy(one, targets, self._course.class_weights)
            total = total + merged_positive(one, targets)
        return total

    def step(self) -> None:
        """A step of the heads' own optimiser, at the run's schedule; then of their average."""
        assert self._heads is not None
        assert self._course is not None
        assert self._optimiser is not None
        config, steps = self._course.config, self._course.steps
        set_learning_rate(self._optimiser, learning_rate_factor(config.schedule, self._steps, steps, config.drop_at))
        self._optimiser.step()
        self._optimiser.zero_grad()
        if self._average is not None:
            average(self._average.state_dict(), self._heads.state_dict(), config.ema, self._steps)
        self._steps += 1

    def state(self) -> dict[str, Any]:
        """The heads, their average, their optimiser, and the companion itself for the steps done."""
        return {"heads": self._heads, "average": self.model(), "optimiser": self._optimiser, "steps": self}

    def state_dict(self) -> dict[str, int]:
        """Steps done."""
        return {"done": self._steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = state["done"]


def bootstrap(ids: list[ImageId], count: int, chance: Chance) -> dict[ImageId, Tensor]:
    """How often each sample of the images, as large as there are images and drawn with replacement, holds each.

    Args:
        ids: the images.
        count: of samples.
        chance: of the draws.

    Returns:
        Image to (count,) float32.

    Example:
        >>> drawn = bootstrap(["a", "b", "c"], 2, Chance((0,)))
        >>> sum(drawn.values()).tolist()
        [3.0, 3.0]
    """
    times = torch.zeros(count, len(ids))
    for number, row in enumerate(times):
        draws = chance.child("bootstrap", number).numpy().integers(len(ids), size=len(ids))
        row.index_add_(0, torch.from_numpy(draws), torch.ones(len(ids)))
    return dict(zip(ids, times.unbind(1), strict=True))


def resampled(targets: Targets, counts: Tensor) -> Targets:
    """Targets of a sample that holds each image so many times.

    Args:
        targets: of N images.
        counts: (N,); labels of an image that is not held are left out, of others weighted by it (class sets are not).
    """
    held = counts[:, None, None]
    regions = targets.regions
    if regions is not None:
        regions = torch.where(held > 0, regions, -1)
    index = torch.where(held > 0, targets.index, IGNORE)
    return Targets(index, targets.weight * held, regions, targets.sets)
