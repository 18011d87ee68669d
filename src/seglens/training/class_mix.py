"""Images put together from two: half of the classes of one, pasted over the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seglens.types import Chance


def class_masks(labels: Tensor, chances: Sequence[Chance]) -> Tensor:
    """Where half of an image's classes are, rounded up, drawn by chance.

    Args:
        labels: (N, h, w) int64 class of each cell.
        chances: one an image.

    Returns:
        (N, h, w) bool.

    Example:
        >>> masks = class_masks(torch.tensor([[[4, 4, 2, 2]]]), [Chance((0,))])
        >>> int(masks.sum()), bool(masks[0, 0, 0] == masks[0, 0, 1])
        (2, True)

    Reference:
        Olsson et al., ClassMix, WACV 2021, algorithm 1.
    """
    masks = []
    for label, chance in zip(labels, chances, strict=True):
        present = label.unique()
        order = torch.randperm(len(present), generator=chance.torch()).to(present.device)
        masks.append(torch.isin(label, present[order[: (len(present) + 1) // 2]]))
    return torch.stack(masks)


def mix(values: Tensor, masks: Tensor) -> Tensor:
    """Each image's values where its mask is, the next image's elsewhere (after the last comes the first).

    Args:
        values: (N, D, h, w) maps of any size.
        masks: (N, h', w') bool of another size over the same padded image; the nearest cell counts.

    Returns:
        (N, D, h, w).
    """
    size = (values.shape[2], values.shape[3])
    near = functional.interpolate(masks[:, None].float(), size=size, mode="nearest-exact") > 0.5
    return torch.where(near, values, values.roll(-1, 0))


def mix_features(features: Mapping[str, Tensor], masks: Tensor) -> dict[str, Tensor]:
    """``mix`` of the features of every tap.

    Deviation: ClassMix pastes pixels. Here features are pasted, of a fixed encoder that saw both images whole: what an
    encoder makes of a cut edge is not learnt, nor is anything seen of the neighbour beyond it.
    """
    return {tap: mix(value, masks) for tap, value in features.items()}


def mix_images(images: Tensor, masks: Tensor, stride: int) -> Tensor:
    """``mix`` of images.

    Args:
        images: (N, 3, h, w) without padding.
        masks: (N, h', w') bool at ``stride`` of the padded images.
        stride: pixels a cell.
    """
    near = masks.repeat_interleave(stride, 1).repeat_interleave(stride, 2)
    near = near[:, None, : images.shape[2], : images.shape[3]]
    return torch.where(near, images, images.roll(-1, 0))
