"""A committee of what the model was at several steps of its training."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.models.committee import Snapshots
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.recipe import StepOutputs
from seglens.training.resume import moving_state
from seglens.training.source import Course
from seglens.types import SeglensError


class SnapshotsParams(Params):
    """How many, and from which part of the training."""

    count: int = Field(4, ge=2, description="snapshots, the last one of the finished model")
    share: float = Field(
        0.5, gt=0, le=1, description="share of the training, at its end, that they are spread over evenly"
    )


@companions.register("snapshots")
class SnapshotsCompanion:
    """Keeps the model as it is at several steps of the one training, of which it changes nothing.

    A fixed encoder (interactive) is left out: members read the main network's features. Of a training with fewer steps
    than snapshots, some are the same.

    Deviation: one learning-rate cycle, not one for each snapshot: the training stays what it is without them.

    Reference:
        Huang et al., Snapshot ensembles, ICLR 2017.
    """

    Params = SnapshotsParams
    name: ClassVar[str] = "snapshots"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: SnapshotsParams, context: PartContext) -> None:
        self.params = params
        self._net: SegNet | None = None
        self._committee: Snapshots | None = None
        self._due: list[int] = []
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin with empty seats."""
        self._net = cast(SegNet, net)
        self._committee = Snapshots.of(self._net, self.params.count).to(self._net.mean.device).requires_grad_(False)
        self._due = due(self.params.count, self.params.share, course.steps)
        self._steps = 0

    def model(self) -> Snapshots:
        """The committee, in eval.

        Raises:
            SeglensError: no training has begun.
        """
        if self._committee is None:
            raise SeglensError("snapshots: no training has begun")
        return self._committee.eval()

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is."""
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """0: nothing is taught."""
        return outputs.logits.new_zeros(())

    def step(self) -> None:
        """Take a snapshot where one is due."""
        assert self._net is not None
        self._steps += 1
        for seat, step in zip(self.model().seats, self._due, strict=True):
            if step == self._steps:
                seat.load_state_dict(moving_state(self._net))

    def state(self) -> dict[str, Any]:
        """The companion itself, which has ``state_dict`` and ``load_state_dict``."""
        return {"snapshots": self}

    def state_dict(self) -> dict[str, Any]:
        """Steps done and the committee so far."""
        return {"steps": self._steps, "committee": self.model().state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = int(state["steps"])
        self.model().load_state_dict(state["committee"])


def due(count: int, share: float, steps: int) -> list[int]:
    """After how many steps each snapshot is taken, the last after all of them.

    Args:
        count: of snapshots.
        share: of the training, at its end, that they are spread over.
        steps: in all.

    Example:
        >>> due(4, 0.5, 400), due(4, 1.0, 3)
        ([250, 300, 350, 400], [1, 2, 3, 3])
    """
    apart = share * steps / count
    return [steps - int(apart * later) for later in reversed(range(count))]
