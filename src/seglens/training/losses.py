"""Losses on partial labels: pixels without a label cost nothing, whatever the share of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from seglens.types import IGNORE, Targets

TINY = 1e-8


def partial_cross_entropy(logits: Tensor, targets: Targets, class_weights: Tensor | None = None) -> Tensor:
    """Weighted cross-entropy over the labelled pixels of a batch.

    Args:
        logits: (N, C, h, w).
        targets: index and weight (N, h, w).
        class_weights: (C,) or None = 1.

    Returns:
        Scalar: the sum of weight x cross-entropy over the sum of weights in the whole batch; 0, with a gradient of 0,
        where nothing is labelled.

    Example:
        >>> index = torch.tensor([[[0, IGNORE]]])
        >>> loss = partial_cross_entropy(torch.zeros(1, 2, 1, 2), Targets(index, torch.ones(1, 1, 2)))
        >>> round(float(loss), 4)
        0.6931
    """
    labelled = targets.index != IGNORE
    index = torch.where(labelled, targets.index, 0)
    weight = targets.weight * labelled
    if class_weights is not None:
        weight = weight * class_weights[index]
    each = functional.cross_entropy(logits.float(), index, reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(TINY)


def image_losses(logits: Tensor, targets: Targets) -> Tensor:
    """Weighted mean cross-entropy of each image over its own labelled pixels.

    Args:
        logits: (N, C, h, w).
        targets: index and weight (N, h, w).

    Returns:
        (N,) float32; NaN for an image without a labelled pixel.
    """
    labelled = targets.index != IGNORE
    weight = targets.weight * labelled
    each = functional.cross_entropy(logits.float(), torch.where(labelled, targets.index, 0), reduction="none")
    return (each * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)


def paired(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Differences between the images i and 2B - 1 - i of a batch, of those whose true value is known.

    Args:
        predicted: (N,) predicted values.
        true: (N,) true values; NaN = not known, the image is left out. Of an odd number the last is left out too.

    Returns:
        (B,) differences of the predicted values, and of the true ones; B = 0 where fewer than two are known.
    """
    known = torch.isfinite(true).nonzero()[:, 0]
    half = len(known) // 2
    first, second = known[:half], known[: 2 * half].flip(0)[:half]
    return predicted[first] - predicted[second], true[first] - true[second]


def rank_loss(predicted: Tensor, true: Tensor, margin: float = 1.0) -> Tensor:
    """Asks that images are predicted in the order of their true losses, a margin apart.

    Args:
        predicted: (N,) predicted losses.
        true: (N,) true losses, without gradient; NaN = not known.
        margin: xi.

    Returns:
        Scalar: max(0, -sign(true_i - true_j) (predicted_i - predicted_j) + margin), mean over the pairs of ``paired``;
        0, with a gradient of 0, where there is no pair.

    Example:
        >>> true = torch.tensor([1.0, 3.0])
        >>> [float(rank_loss(torch.tensor(guess), true)) for guess in ([0.0, 2.0], [2.0, 0.0])]
        [0.0, 3.0]

    Reference:
        Yoo and Kweon, Learning Loss for Active Learning, CVPR 2019, eq. 2. Deviation: they refuse odd batches, and
        know the loss of every image.
    """
    guess, truth = paired(predicted, true)
    each = (margin - truth.sign() * guess).clamp_min(0)
    return each.sum() / max(1, len(each)) + predicted.sum() * 0.0


def merged_positive(logits: Tensor, targets: Targets) -> Tensor:
    """Loss of regions of which only a set of classes is known: the set's summed probability should be 1.

    Args:
        logits: (N, C, h, w).
        targets: ``regions`` (N, h, w) entry in ``sets`` or -1; ``sets`` (S, C) bool.

    Returns:
        Scalar: -log of the summed probability, averaged over a region's pixels, then over regions; 0 without any.

    Reference:
        Hwang et al., Active learning for semantic segmentation with multi-class label query, NeurIPS 2023, eq. 5.
    """
    if targets.regions is None or targets.sets is None:
        return logits.sum() * 0.0
    chosen = targets.regions >= 0
    region = targets.regions[chosen].long()
    log_p = functional.log_softmax(logits.float().movedim(1, -1)[chosen], dim=-1)
    inside = torch.logsumexp(log_p.masked_fill(~targets.sets[region], -torch.inf), dim=-1)
    sums = log_p.new_zeros(len(targets.sets)).index_add_(0, region, -inside)
    counts = log_p.new_zeros(len(targets.sets)).index_add_(0, region, torch.ones_like(inside))
    return (sums / counts.clamp_min(1)).sum() / (counts > 0).sum().clamp_min(1) + logits.sum() * 0.0


def prototypical(logits: Tensor, targets: Targets) -> Tensor:
    """Loss of the most typical pixels of regions of which only a set of classes is known: each class of the set occurs.

    Args:
        logits: (N, C, h, w).
        targets: ``regions`` (N, h, w) entry in ``sets`` or -1; ``sets`` (S, C) bool.

    Returns:
        Scalar: -log of a class's highest probability in a region, averaged over all pairs of a region and a class of
        its set; 0, with a gradient of 0, without any.

    Reference:
        Hwang et al., Active learning for semantic segmentation with multi-class label query, NeurIPS 2023, eq. 6.
    """
    if targets.regions is None or targets.sets is None:
        return logits.sum() * 0.0
    chosen = targets.regions >= 0
    region = targets.regions[chosen].long()
    log_p = functional.log_softmax(logits.float().movedim(1, -1)[chosen], dim=-1)
    seen = torch.bincount(region, minlength=len(targets.sets)) > 0
    best = log_p.new_zeros(targets.sets.shape)
    best = best.scatter_reduce(0, region[:, None].expand_as(log_p), log_p, "amax", include_self=False)
    pairs = targets.sets & seen[:, None]
    return -best[pairs].sum() / pairs.sum().clamp_min(1) + logits.sum() * 0.0


def log_frequency_weights(counts: Tensor) -> Tensor:
    """Weights that lift rare classes: 1 / log(1.1 + share).

    Args:
        counts: (C,) labelled pixels of each class.

    Returns:
        (C,) float32.

    Reference:
        Paszke et al., ENet, arXiv 1606.02147, section 5.2. Deviation: 1.1 for their 1.02, which keeps the ratio
        of the largest to the smallest weight near 8 instead of 36.
    """
    share = counts.double() / counts.sum().clamp_min(1)
    return (1 / torch.log(1.1 + share)).float()
