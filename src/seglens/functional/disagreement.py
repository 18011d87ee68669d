"""How far several predictions of the same pixels differ: pure, higher = ask sooner.

Predictions come one at a time and are added up: what is held is a mean, never all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from seglens.functional.uncertainty import predicted

TINY = 2.0**-100
"""Least probability that is told from zero."""


def probability_entropy(probs: Tensor) -> Tensor:
    """Entropy of probabilities over its greatest value, log C; 0 log 0 = 0.

    Args:
        probs: (N, C, h, w), C at least 2, of sum 1 over C.

    Returns:
        (N, h, w) float32 in [0, 1].

    Raises:
        ValueError: not four axes or fewer than two classes.

    Example:
        >>> probability_entropy(torch.tensor([0.5, 0.5, 0.0, 0.0]).view(1, 4, 1, 1)).item()
        0.5
    """
    _check(probs)
    scale = 1 / math.log2(probs.shape[1])
    value = torch.zeros((len(probs), *probs.shape[2:]), device=probs.device)
    for into, image in zip(value, probs, strict=True):
        for plane in image:  # class by class, so that what is computed between fits the cache
            into.addcmul_(plane.float(), plane.float().clamp(min=TINY).log2_(), value=-scale)
    return value.clamp_(0, 1)


def mean_and_entropy(predictions: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """The mean of several predictions, and the mean of their entropies.

    Args:
        predictions: (N, C, h, w) probabilities each, all of the same shape; 1 or more. They are left as they are.

    Returns:
        (N, C, h, w) float32 mean probabilities, and (N, h, w) float32 mean entropy over log C.

    Raises:
        ValueError: no prediction, not four axes, or fewer than two classes.
    """
    total: Tensor | None = None
    doubt: Tensor | None = None
    count = 0
    for probs in predictions:
        own = probability_entropy(probs)
        total = probs.float().clone() if total is None else total.add_(probs)
        doubt = own if doubt is None else doubt.add_(own)
        count += 1
    if total is None or doubt is None:
        raise ValueError("disagreement: expected one prediction or more, found none")
    return total.div_(count), doubt.div_(count)


def mutual_information(mean: Tensor, entropy: Tensor) -> Tensor:
    """Entropy of the mean less the mean entropy: what the predictions do not agree on.

    Equal to the mean divergence KL(p_t || mean) of the predictions, over log C.

    Args:
        mean: (N, C, h, w) mean probabilities.
        entropy: (N, h, w) mean entropy of the predictions over log C, as ``mean_and_entropy`` gives both.

    Returns:
        (N, h, w) float32 in [0, 1]: 0 = all predict the same, however unsure each is.

    Raises:
        ValueError: not four axes or fewer than two classes.

    Example:
        >>> sure = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
        >>> [mutual_information(*mean_and_entropy(p)).item() for p in ([sure, sure], [sure, 1 - sure])]
        [0.0, 1.0]

    Reference: Houlsby et al., Bayesian active learning for classification and preference learning (2011), eq. 2; as
        the disagreement of a committee, McCallum & Nigam, ICML 1998. Deviation: over log C, which changes no ranking.
    """
    return (probability_entropy(mean) - entropy).clamp_(0, 1)


def hard_votes(predictions: Iterable[Tensor]) -> Tensor:
    """How many predictions take each class for the likeliest.

    Args:
        predictions: (N, C, h, w) probabilities or logits each, all of the same shape, C at least 2; 1 or more.

    Returns:
        (N, C, h, w) float32 counts, of sum = number of predictions over C.

    Raises:
        ValueError: no prediction, not four axes, or fewer than two classes.

    Example:
        >>> hard_votes([torch.tensor([0.9, 0.1]).view(1, 2, 1, 1)] * 3).flatten().tolist()
        [3.0, 0.0]
    """
    votes: Tensor | None = None
    for probs in predictions:
        chosen = predicted(probs)[:, None]
        votes = torch.zeros(probs.shape, device=probs.device) if votes is None else votes
        votes.scatter_add_(1, chosen, torch.ones_like(chosen, dtype=votes.dtype))
    if votes is None:
        raise ValueError("disagreement: expected one prediction or more, found none")
    return votes


def inconsistency(probs: Tensor, others: Tensor) -> Tensor:
    """How far two predictions of the same pixels differ: the Jensen-Shannon divergence over log 2, its greatest value.

    Args:
        probs: (N, C, h, w), C at least 2.
        others: (N, C, h, w).

    Returns:
        (N, h, w) float32 in [0, 1]: 0 = the same, 1 = no class in common.

    Raises:
        ValueError: not four axes or fewer than two classes.

    Reference: Lin, Divergence measures based on the Shannon entropy (1991), eq. 4.1 with equal weights.
    """
    shared = mutual_information(*mean_and_entropy((probs, others)))
    return shared.mul_(math.log2(probs.shape[1])).clamp_(0, 1)


def _check(probs: Tensor) -> None:
    if probs.ndim != 4 or probs.shape[1] < 2:
        raise ValueError(f"probabilities: expected (N, C, h, w) with C at least 2, found {tuple(probs.shape)}")
