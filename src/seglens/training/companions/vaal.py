"""An autoencoder and a discriminator beside the model, which learn to tell labelled images from unlabelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from seglens.models.network import SegNet
from seglens.models.vae import SMALL, VaalNet
from seglens.models.views import VIEWS
from seglens.protocols import PartContext, SegDataset
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.companions.adversary import Adversary, Board, GameParams
from seglens.training.companions.kept import Kept
from seglens.training.recipe import StepOutputs
from seglens.training.source import Course
from seglens.types import Chance, ImageId, SeglensError


class VaalParams(GameParams):
    """How it learns."""


def small_image(data: SegDataset, id: ImageId) -> Tensor:
    """(3, 64, 64) uint8: what ``load_image`` gives at that size, before it becomes float."""
    return VIEWS["plain"].image(torch.from_numpy(data.image(id)).permute(2, 0, 1), SMALL).contiguous()


@companions.register("vaal")
class Vaal:
    """Variational adversarial learning: how surely an image is a labelled one. It changes nothing of the training.

    It draws images of its own, at 64 x 64 pixels, and steps after the model's step.
    Deviation: the autoencoder sees as many steps as the model (or fewer, ``every``); VAAL trains it for 100 epochs.

    Reference:
        Sinha, Ebrahimi and Darrell, Variational adversarial active learning, ICCV 2019, section 3, algorithm 1.
    """

    Params: ClassVar[type[GameParams]] = VaalParams
    name: ClassVar[str] = "vaal"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: GameParams, context: PartContext) -> None:
        self.params = params
        self._begun: Adversary | None = None
        self._small: tuple[SegDataset, Kept] | None = None
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin anew: labelled are the images that ``net`` learns from, unlabelled the rest of the pool."""
        model = cast(SegNet, net)
        source, chance = course.source, course.chance.child(self.name)
        labelled = set(source.ids)
        small, device = self._small_images(source.data), model.mean.device
        board = Board(
            labelled=list(source.ids),
            unlabelled=[id for id in source.pool if id not in labelled],
            images=lambda ids: small.get(ids).to(device, torch.float32) / 255,
            stages=lambda ids: self.stages(model, course, ids),
            chance=chance,
        )
        self._begun = Adversary(self._drawn(model, chance.child("weights")).to(device), self.params, board)
        self._steps = 0

    def _small_images(self, data: SegDataset) -> Kept:
        """Of one training to the next they stay the same."""
        if self._small is None or self._small[0] is not data:
            self._small = (data, Kept(lambda id: small_image(data, id), self.params.memory))
        return self._small[1]

    def _drawn(self, model: SegNet, chance: Chance) -> VaalNet:
        """A new net; torch's global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(chance.seed())
            return self.build(model)

    def build(self, model: SegNet) -> VaalNet:
        """The net that learns beside ``model``."""
        return VaalNet(self.params.latent, self.params.width)

    def stages(self, model: SegNet, course: Course, ids: Sequence[ImageId]) -> Tensor:
        """Never asked for: the task plays no part."""
        raise SeglensError(f"companion '{self.name}' reads no stages")

    def model(self) -> VaalNet:
        """What was learnt, in eval.

        Raises:
            SeglensError: no training has begun.
        """
        net: VaalNet = self.game.net.eval()
        return net

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is."""
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """0: the model is left alone."""
        return outputs.logits.new_zeros(())

    def step(self) -> None:
        """A step of its own after each ``every``-th step of the model."""
        self._steps += 1
        if self._steps % self.params.every == 0:
            self.game.play(self._steps // self.params.every - 1)

    def state(self) -> dict[str, Any]:
        """Itself, which has ``state_dict`` and ``load_state_dict``."""
        return {"game": self}

    def state_dict(self) -> dict[str, Any]:
        """Steps of the model so far, weights and optimisers."""
        return {"steps": self._steps, "game": self.game.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = int(state["steps"])
        self.game.load_state_dict(state["game"])

    @property
    def game(self) -> Adversary:
        """The training that has begun.

        Raises:
            SeglensError: none has.
        """
        if self._begun is None:
            raise SeglensError(f"{self.name}: no training has begun")
        return self._begun
