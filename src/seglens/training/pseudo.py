"""Losses on pixels without a label, and where another network's word stands in for one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TINY = 1e-8


def pseudo_label_loss(
    logits: Tensor, labels: Tensor, believed: Tensor, counted: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy with labels that another network gave, where they are believed.

    Args:
        logits: (N, C, P, 1).
        labels: (N, P, 1) int64.
        believed: (N, P, 1) bool.
        counted: (N, P, 1) weight of each place, 0 for one that stands for nothing.
        class_weights: (C,) or None = 1.

    Returns:
        Scalar: the weighted mean over the believed places, times the share of places that are believed; 0, with a
        gradient of 0, where none is.

    Reference:
        Olsson et al., ClassMix, WACV 2021, section 3.3 (the share of confident pixels as the weight of the loss).
        Deviation: pixels below the threshold are left out, as in FixMatch (Sohn et al., NeurIPS 2020, eq. 4); they
        are learnt from too in ClassMix.
    """
    each = functional.cross_entropy(logits.float(), labels, reduction="none")
    chosen = counted * believed
    weight = chosen if class_weights is None else chosen * class_weights[labels]
    share = chosen.sum() / counted.sum().clamp_min(TINY)
    return share * (each * weight).sum() / weight.sum().clamp_min(TINY)


def disagreement(one: Tensor, other: Tensor, counted: Tensor) -> Tensor:
    """Mean squared difference of two predictions of the same places.

    Args:
        one: (N, C, P, 1) logits.
        other: (N, C, P, 1).
        counted: (N, P, 1) weight of each place.

    Returns:
        Scalar: the weighted mean over places, the mean over classes.
    """
    each = (one.float() - other.float()).square().mean(1)
    return (each * counted).sum() / counted.sum().clamp_min(TINY)


def mirrored_places(places: Tensor, width: int) -> Tensor:
    """Where places of an image lie in its mirror image.

    Args:
        places: (N, P, 2) (y, x) in pixels.
        width: of the image without padding, pixels.

    Example:
        >>> mirrored_places(torch.tensor([[[0.5, 0.5]]]), 4).tolist()
        [[[0.5, 3.5]]]
    """
    y, x = places.unbind(-1)
    return torch.stack([y, width - x], -1)


def cell_centres(shape: tuple[int, int], stride: int) -> Tensor:
    """(1, h * w, 2) float32: the places (y, x), in pixels, of the middles of a map's cells.

    Args:
        shape: (h, w) of the map.
        stride: pixels a cell.
    """
    y, x = torch.meshgrid(*(torch.arange(length) for length in shape), indexing="ij")
    return (torch.stack([y, x], -1).view(1, -1, 2) + 0.5) * stride
