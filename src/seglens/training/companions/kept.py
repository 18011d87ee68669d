"""What was made of images once, kept in memory for companions that draw images of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seglens.types import ImageId


class Kept:
    """A tensor an image, made when it is first asked for; the oldest are let go first.

    Args:
        make: gives the tensor of an image, the same whenever it is called.
        most: images kept.
    """

    def __init__(self, make: Callable[[ImageId], Tensor], most: int) -> None:
        self.make, self.most = make, most
        self._kept: dict[ImageId, Tensor] = {}

    def get(self, ids: Sequence[ImageId]) -> Tensor:
        """The tensors of the images, stacked."""
        return torch.stack([self._one(id) for id in ids])

    def _one(self, id: ImageId) -> Tensor:
        if id not in self._kept:
            while len(self._kept) >= self.most:
                self._kept.pop(next(iter(self._kept)))
            self._kept[id] = self.make(id)
        return self._kept[id]

    def __len__(self) -> int:
        return len(self._kept)
