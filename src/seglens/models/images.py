"""How an image comes in: the one way that training, scoring and evaluation share."""

from __future__ import annotations

import torch
from torch import Tensor

from seglens.models.views import VIEWS, View
from seglens.protocols import Scaled, SegDataset
from seglens.types import ByteArray, ImageId, Size


def to_input(image: ByteArray, size: Size, view: View = VIEWS["plain"]) -> Tensor:
    """A decoded image at the model's size.

    Args:
        image: (H, W, 3) uint8 RGB.
        size: (h, w).
        view: which view of it.

    Returns:
        (3, h, w) float32 in [0, 1].
    """
    pixels = torch.from_numpy(image).permute(2, 0, 1)
    return view.image(pixels, size).to(torch.float32).contiguous() / 255


def load_image(data: SegDataset, id: ImageId, size: Size, view: View = VIEWS["plain"]) -> Tensor:
    """An image of a dataset at the model's size, (3, h, w) float32 in [0, 1]: see ``to_input``."""
    image = data.image_for(id, size) if isinstance(data, Scaled) else data.image(id)
    return to_input(image, size, view)
