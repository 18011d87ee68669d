"""An averaged copy of the model, to answer in its place."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from pydantic import Field
from torch import Tensor, nn

from seglens.config import Params
from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.batches import Batch
from seglens.training.optim import Ema
from seglens.training.recipe import StepOutputs
from seglens.training.resume import moving_state
from seglens.training.source import Course
from seglens.types import SeglensError


class EmaTeacherParams(Params):
    """How slow the teacher is."""

    decay: float = Field(0.995, ge=0, lt=1, description="decay of the teacher's weights a step")


@companions.register("ema-teacher")
class EmaTeacher:
    """A teacher: an exponential moving average of the model's weights, which changes nothing of the training.

    Reference:
        Tarvainen and Valpola, Mean teachers are better role models, NeurIPS 2017, section 2.
    """

    Params = EmaTeacherParams
    name: ClassVar[str] = "ema-teacher"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: EmaTeacherParams, context: PartContext) -> None:
        self.params = params
        self._student: SegNet | None = None
        self._ema: Ema | None = None
        self._steps = 0

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin as a copy of ``net``."""
        self._student = cast(SegNet, net)
        self._ema = Ema(self._student, self.params.decay)
        self._steps = 0

    def model(self) -> SegNet:
        """The averaged network, in eval.

        Raises:
            SeglensError: no training has begun.
        """
        return self._average.net.eval()

    def prepare(self, batch: Batch, unlabelled: Batch | None) -> Batch:
        """The batch as it is."""
        return batch

    def loss(self, outputs: StepOutputs) -> Tensor:
        """0: the teacher does not teach in training."""
        return outputs.logits.new_zeros(())

    def step(self) -> None:
        """Move towards the student."""
        assert self._student is not None
        self._average.update(self._student, self._steps)
        self._steps += 1

    def state(self) -> dict[str, Any]:
        """The teacher itself, which has ``state_dict`` and ``load_state_dict``."""
        return {"teacher": self}

    def state_dict(self) -> dict[str, Any]:
        """Steps done, and the averaged weights without a frozen encoder."""
        return {"steps": self._steps, "net": moving_state(self._average.net)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        self._steps = int(state["steps"])
        self._average.net.load_state_dict(state["net"], strict=False)

    @property
    def _average(self) -> Ema:
        if self._ema is None:
            raise SeglensError("ema-teacher: no training has begun")
        return self._ema
