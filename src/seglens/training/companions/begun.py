"""What companions share that are shown images without labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, cast

from torch import nn

from seglens.models.network import SegNet
from seglens.training.batches import Batch
from seglens.training.precision import Precision, resolve_precision
from seglens.training.pseudo import mirrored_places
from seglens.training.source import Course
from seglens.types import SeglensError


class Begun:
    """A companion that leaves nothing behind, knows its training, and keeps the images it is shown for the loss."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self._course: tuple[SegNet, Course] | None = None
        self._given: Batch | None = None
        self.steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """A training of ``net`` begins."""
        self._course, self._given, self.steps = (cast(SegNet, net), course), None, 0

    def model(self) -> nn.Module | None:
        """Nothing."""
        return None

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is; what comes without labels is kept for the loss."""
        self._given = unlabelled
        return batch

    def step(self) -> None:
        """One step more is done."""
        self.steps += 1

    def state(self) -> dict[str, Any]:
        """Itself, which has ``state_dict`` and ``load_state_dict``."""
        return {self.name: self}

    def state_dict(self) -> dict[str, Any]:
        """Steps done."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        self.steps = int(state["steps"])

    @property
    def learner(self) -> SegNet:
        """The network in training.

        Raises:
            SeglensError: no training has begun.
        """
        return self._begun[0]

    @property
    def course(self) -> Course:
        """The training.

        Raises:
            SeglensError: none has begun.
        """
        return self._begun[1]

    @property
    def given(self) -> Batch:
        """What this step shows without labels.

        Raises:
            SeglensError: nothing.
        """
        if self._given is None:
            raise SeglensError(f"{self.name}: no images without labels were given")
        return self._given

    @property
    def precision(self) -> Precision:
        """Of the training."""
        return resolve_precision(self.course.config, self.learner.mean.device)

    @property
    def _begun(self) -> tuple[SegNet, Course]:
        if self._course is None:
            raise SeglensError(f"{self.name}: no training has begun")
        return self._course

    def check_mirrored(self) -> None:
        """Whether mirror images will be there.

        Raises:
            SeglensError: they are not in the cache.
        """
        config = self.course.config
        if config.rhythm == "interactive" and "flip" not in config.views:
            raise SeglensError(
                f"train.views: companion '{self.name}' reads mirror images, found {list(config.views)}; add flip"
            )


def mirror(batch: Batch, width: int) -> Batch:
    """The mirror images of a batch; its places are where they were in the image.

    Args:
        batch: in the interactive rhythm with ``mirrored`` features.
        width: of the model's input, pixels.
    """
    images = None if batch.images is None else batch.images.flip(-1)
    places = mirrored_places(batch.places, width)
    return replace(batch, features=batch.mirrored, images=images, mirrored=batch.features, places=places)
