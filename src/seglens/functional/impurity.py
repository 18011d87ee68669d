"""How mixed the predicted classes around each pixel are."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def impurity(predicted: Tensor, classes: int, k: int) -> Tensor:
    """Entropy of the histogram of predicted classes in the window around each pixel, over its greatest value, log C.

    H(x) = -sum_c q_c log q_c / log C, q_c the share of the window's pixels that are predicted as c. A window is
    (2k + 1)^2 pixels at stride 1; at the image's border it is what lies inside.

    Args:
        predicted: (N, h, w) int64 class.
        classes: number of classes C, at least 2.
        k: half the side of a window, pixels.

    Returns:
        (N, h, w) float32 in [0, 1]: 0 = one class, 1 = all classes alike.

    Raises:
        ValueError: fewer than two classes.

    Example:
        >>> impurity(torch.tensor([[[0, 0, 0, 1]]]), 2, 1)[0, 0, :2].tolist()
        [0.0, 0.0]

    Reference: RIPU (Xie et al., CVPR 2022), region impurity; the normalisation is by the log of the class count in
    force.
    """
    if classes < 2:
        raise ValueError(f"classes: expected 2 or more, found {classes}")
    total = torch.zeros(predicted.shape, dtype=torch.float32, device=predicted.device)
    for index in torch.unique(predicted).tolist():
        count = box_sum((predicted == index).float(), k)
        total += torch.xlogy(count, count)
    n = box_sum(torch.ones_like(total[:1]), k)
    found: Tensor = ((n.log() - total / n) / math.log(classes)).clamp_(0, 1)
    return found


def box_mean(values: Tensor, k: int) -> Tensor:
    """The mean over the (2k + 1)^2 window around each pixel, of what lies inside the image.

    Args:
        values: (N, h, w).
        k: half the side of a window, pixels.

    Returns:
        (N, h, w), same dtype; summed in float64, for differences of long sums lose digits.
    """
    wide = values.double()
    mean: Tensor = (box_sum(wide, k) / box_sum(torch.ones_like(wide[:1]), k)).to(values.dtype)
    return mean


def box_sum(values: Tensor, k: int) -> Tensor:
    """The sum over the (2k + 1)^2 window around each pixel, of what lies inside the image.

    Differences of running sums, along one axis and then along the other: the time does not depend on k, and whole
    numbers stay exact.

    Args:
        values: (N, h, w).
        k: half the side of a window, pixels.

    Returns:
        (N, h, w), same dtype.
    """
    return _run_sum(_run_sum(values, k, 1), k, 2)


def _run_sum(values: Tensor, k: int, dim: int) -> Tensor:
    length = values.shape[dim]
    start = torch.zeros_like(values.narrow(dim, 0, 1))
    until = torch.cat([start, values.cumsum(dim)], dim)
    at = torch.arange(length, device=values.device)
    above, below = (at + k + 1).clamp_(max=length), (at - k).clamp_(min=0)
    return until.index_select(dim, above) - until.index_select(dim, below)
