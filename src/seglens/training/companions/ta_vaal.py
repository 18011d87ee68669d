"""VAAL that knows of the task: a ranker of the images' losses learns too, and its word stands beside the latent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from seglens.models.features import FeatureCache
from seglens.models.images import load_image
from seglens.models.network import SegNet
from seglens.models.stages import STAGES_TAP
from seglens.models.vae import TaVaalNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.companions.adversary import GameParams
from seglens.training.companions.kept import Kept
from seglens.training.companions.vaal import Vaal
from seglens.training.losses import paired
from seglens.training.recipe import StepOutputs
from seglens.training.source import Course
from seglens.types import ImageId


class TaVaalParams(GameParams):
    """How it learns."""

    head: int = Field(128, gt=0, description="width of the ranker's layer of each stage of the encoder")
    ranker_lr: float = Field(1e-3, gt=0, description="learning rate of the ranker (Adam)")


def rank_net_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """Cross-entropy of which image of a pair has the larger loss.

    Args:
        predicted: (N,) ranks.
        true: (N,) losses, without gradient; NaN = not known.

    Returns:
        Scalar: BCE(sigmoid(predicted_i - predicted_j), 1[true_i > true_j]), mean over the pairs of ``paired``; 0, with
        a gradient of 0, where there is no pair.

    Reference:
        Burges et al., Learning to rank using gradient descent, ICML 2005; Kim et al., CVPR 2021, eq. 1.
    """
    guess, truth = paired(predicted, true)
    each = functional.binary_cross_entropy_with_logits(guess, (truth > 0).to(guess.dtype), reduction="none")
    return each.sum() / max(1, len(each)) + predicted.sum() * 0.0


@companions.register("ta-vaal")
class TaVaal(Vaal):
    """Task-aware variational adversarial learning: how surely an image is a labelled one, by its looks and its loss.

    The ranker reads the encoder's pooled stages of the model's own batches. Those of the images that the autoencoder
    draws come from the cache, or from the encoder as it stands, in eval.
    Deviation: the ranker has an optimiser of its own and teaches the model nothing, where the paper trains both by one
    loss: the model's training is the same with and without it, so that methods are compared by what they ask.

    Reference:
        Kim, Park, Kim and Chun, Task-aware variational adversarial active learning, CVPR 2021, section 3.
    """

    Params: ClassVar[type[GameParams]] = TaVaalParams
    name: ClassVar[str] = "ta-vaal"
    needs: ClassVar[frozenset[str]] = frozenset({"stages"})

    def __init__(self, params: TaVaalParams, context: PartContext) -> None:
        super().__init__(params, context)
        self._head, self._ranker_lr = params.head, params.ranker_lr
        self._optimiser: torch.optim.Optimizer | None = None
        self._rated: tuple[Tensor, Tensor] | None = None
        self._cached: tuple[FeatureCache, Kept] | None = None

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin anew, the ranker too.

        Raises:
            SeglensError: the encoder has no named stages.
        """
        super().start(net, course)
        self._optimiser = torch.optim.Adam(self.net.ranker.parameters(), self._ranker_lr)
        self._rated = None
        cache = course.source.cache
        if cache is None or not cache.stages:
            self._cached = None
        elif self._cached is None or self._cached[0] is not cache:
            self._cached = (cache, Kept(lambda id: cache.one(id)[STAGES_TAP].flatten().float(), self.params.memory))
        if self._cached is not None:
            self._cached[0].fill([*self.game.board.labelled, *self.game.board.unlabelled])

    def build(self, model: SegNet) -> TaVaalNet:
        """The net that learns beside ``model``."""
        return TaVaalNet(model.stage_channels, self._head, self.params.latent, self.params.width)

    @property
    def net(self) -> TaVaalNet:
        """What learns.

        Raises:
            SeglensError: no training has begun.
        """
        return cast(TaVaalNet, self.game.net)

    def stages(self, model: SegNet, course: Course, ids: Sequence[ImageId]) -> Tensor:
        """(N, D) pooled stages of images, from the cache of a fixed encoder, else from the encoder as it stands."""
        device = model.mean.device
        if self._cached is not None:
            return self._cached[1].get(ids).to(device)
        images = torch.stack([load_image(course.source.data, id, model.config.size) for id in ids]).to(device)
        mode = model.encoder.training
        model.encoder.eval()
        try:
            with torch.no_grad():
                return model.encode(images, stages=True)[STAGES_TAP].float().flatten(1)
        finally:
            model.encoder.train(mode)

    def loss(self, outputs: StepOutputs) -> Tensor:
        """0: the model is left alone. What the ranker learns from is taken down."""
        self._rated = (outputs.stages.detach(), outputs.losses)
        return super().loss(outputs)

    def step(self) -> None:
        """A step of the ranker, then of the game."""
        assert self._optimiser is not None
        if self._rated is not None:
            stages, losses = self._rated
            self._optimiser.zero_grad()
            torch.autograd.backward(rank_net_loss(self.net.ranker(stages)[:, 0], losses))
            self._optimiser.step()
        super().step()

    def state_dict(self) -> dict[str, Any]:
        """As VAAL's, with the ranker's optimiser."""
        assert self._optimiser is not None
        return {**super().state_dict(), "ranker": self._optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        assert self._optimiser is not None
        super().load_state_dict(state)
        self._optimiser.load_state_dict(state["ranker"])
