"""Depth that the dataset itself knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.functional.proximity import from_metres, resized
from seglens.protocols import PartContext, Progress
from seglens.registry import depths
from seglens.types import FloatArray, ImageId, SeglensError, Size


class ExactParams(Params):
    """What is near."""

    near: float = Field(5.0, gt=0, description="distance at which proximity is 1, metres")


@depths.register("exact")
class Exact:
    """The dataset's own exact distances (streets): proximity = near / distance, comparable between images."""

    Params = ExactParams

    def __init__(self, params: ExactParams, context: PartContext) -> None:
        self.params, self.context = params, context

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing is computed ahead.

        Raises:
            SeglensError: the dataset knows no distances.
        """
        self._metres()

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """(N, h, w) float32 in [0, 1]; the sky is 0.

        Raises:
            SeglensError: the dataset knows no distances.
        """
        metres = self._metres()
        maps = [from_metres(torch.from_numpy(metres(id))[None].float(), self.params.near) for id in ids]
        return torch.cat([resized(one, size) for one in maps])

    def describe(self) -> str:
        """Where this proximity comes from."""
        return f"exact distances of the dataset; 1 = {self.params.near:g} m or nearer"

    def _metres(self) -> Callable[[ImageId], FloatArray]:
        metres: Callable[[ImageId], FloatArray] | None = getattr(self.context.data, "depth", None)
        if not callable(metres):
            others = ", ".join(name for name in depths.names() if name != "exact")
            raise SeglensError(
                f"depth 'exact': the dataset {type(self.context.data).__name__} knows no exact distances "
                f"(streets does). Allowed for it: {others}"
            )
        return metres
