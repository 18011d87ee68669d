"""Proximity from the current prediction and a flat ground."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.functional.ground import ground_proximity
from seglens.functional.roles import Roles, roles
from seglens.protocols import PartContext, Progress
from seglens.registry import depths
from seglens.types import ImageId, Size


class GroundParams(Params):
    """Which classes lie where."""

    ground: tuple[str, ...] = Field((), description="classes that lie on the ground; empty = road, sidewalk, ...")
    sky: tuple[str, ...] = Field((), description="classes infinitely far away; empty = sky")
    wide: tuple[str, ...] = Field(
        (), description="classes that stand on the ground column by column; empty = building, vegetation, fence, ..."
    )
    horizon: float | None = Field(
        None, ge=0, lt=1, description="row of the horizon, share of the height from the top; null = from the prediction"
    )


@depths.register("ground")
class Ground:
    """A prior, not a measurement: a flat ground plane, and where each predicted object touches it. No weights."""

    Params = GroundParams

    def __init__(self, params: GroundParams, context: PartContext) -> None:
        self.params, self.classes = params, context.classes

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing is computed ahead: the prediction changes from round to round.

        Raises:
            SeglensError: no class is known to lie on the ground, or a name that is no class.
        """
        self._roles()

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """(N, h, w) float32 in [0, 1], from the predicted classes (``functional/ground.py``).

        Raises:
            SeglensError: as ``prepare``.
        """
        found = self._roles()
        labels = predicted().cpu().numpy()
        maps = [ground_proximity(label, found, self.params.horizon) for label in labels]
        return torch.from_numpy(np.stack(maps))

    def describe(self) -> str:
        """Where this proximity comes from."""
        return "a prior, not a measurement: a flat ground and where each predicted object meets it"

    def _roles(self) -> Roles:
        # Asked only when it is used: the default source must not refuse classes that no part needs depth for.
        return roles(self.classes.names, self.params.ground, self.params.sky, self.params.wide)
