"""A slow copy of the model labels what nobody has labelled, where it is sure."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

from seglens.models.network import SegNet
from seglens.protocols import PartContext
from seglens.registry import companions
from seglens.training.companions.taught import Taught, TaughtParams
from seglens.training.optim import Ema
from seglens.training.resume import moving_state
from seglens.training.source import Course


class MeanTeacherParams(TaughtParams):
    """How slow the teacher is, and when it is believed."""

    decay: float = Field(0.99, ge=0, lt=1, description="decay of the teacher's weights a step")
    threshold: float = Field(
        0.97, ge=0, lt=1, description="least probability of a label that is taken from the teacher"
    )


@companions.register("mean-teacher")
class MeanTeacher(Taught):
    """The model learns from its own moving average, which labels pixels without a label where it is sure.

    Reference:
        Tarvainen and Valpola, Mean teachers are better role models, NeurIPS 2017, section 2; Rangnekar, Kanan and
        Hoffman, Semantic segmentation with active semi-supervised learning (S4AL), WACV 2023 (decay 0.99, threshold
        0.97).
    """

    Params = MeanTeacherParams
    name: ClassVar[str] = "mean-teacher"

    def __init__(self, params: MeanTeacherParams, context: PartContext) -> None:
        super().__init__(params, context)
        self.params = params
        self._ema: Ema | None = None

    def start(self, net: nn.Module, course: Course) -> None:
        """Begin with a copy of ``net`` as the teacher."""
        super().start(net, course)
        self._ema = Ema(self.learner, self.params.decay)

    def teacher(self) -> SegNet | None:
        """The moving average."""
        return None if self._ema is None else self._ema.net

    def believed(self, probs: Tensor) -> Tensor:
        """Where the highest probability is at least the threshold."""
        return probs.amax(1) >= self.params.threshold

    def step(self) -> None:
        """The teacher moves towards the learner."""
        assert self._ema is not None
        self._ema.update(self.learner, self.steps)
        super().step()

    def state_dict(self) -> dict[str, Any]:
        """Steps done, and the teacher's weights without a frozen encoder."""
        assert self._ema is not None
        return {**super().state_dict(), "net": moving_state(self._ema.net)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        assert self._ema is not None
        super().load_state_dict(state)
        self._ema.net.load_state_dict(state["net"], strict=False)
