"""Proximity from nothing but the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from seglens.config import Params
from seglens.protocols import PartContext, Progress
from seglens.registry import depths
from seglens.types import ImageId, Size


class RampParams(Params):
    """Where it ends."""

    top: float = Field(0.4, ge=0, lt=1, description="row where proximity reaches 0, share of the height from the top")


@depths.register("ramp")
class Ramp:
    """A prior, not a measurement: the lower in the image, the nearer; it knows nothing of what is in it."""

    Params = RampParams

    def __init__(self, params: RampParams, context: PartContext) -> None:
        self.params = params

    def prepare(self, ids: Sequence[ImageId], progress: Progress | None = None) -> None:
        """Nothing is computed ahead."""

    def proximity(self, ids: Sequence[ImageId], size: Size, predicted: Callable[[], Tensor]) -> Tensor:
        """(N, h, w) float32: 1 in the last row, 0 from ``top`` upwards, linear between, the same for every image."""
        height, width = size
        start = self.params.top * height
        rows = (torch.arange(height) + 0.5 - start) / max(height - 0.5 - start, 0.5)
        return rows.clamp(0, 1)[None, :, None].expand(len(ids), height, width).contiguous()

    def describe(self) -> str:
        """Where this proximity comes from."""
        return "a prior, not a measurement: the lower in the image, the nearer"
