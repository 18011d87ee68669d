"""Uncertainty of each pixel from its logits: pure, one sweep an image, higher = ask sooner.

Everything is computed a block of rows at a time in float32, so that it stays in the cache, and from differences to the
greatest logit, so that logits of any size give finite values. Powers of two stand in for e: ``exp2`` is several times
as fast on a CPU, and clamping the exponent keeps clear of subnormal numbers, which are slower still.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

LOG2E = math.log2(math.e)
LOWEST = -100.0
"""Least exponent of two that is told from zero: 2**-100."""
BLOCK = 1 << 19
"""Logits worked on at a time: 2 MiB."""


def entropy(logits: Tensor) -> Tensor:
    """Entropy of the softmax over its greatest value, log C: 0 = certain, 1 = uniform.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) float32 in [0, 1].

    Raises:
        ValueError: not four axes or fewer than two classes.

    Example:
        >>> entropy(torch.zeros(1, 4, 1, 1)).item()
        1.0

    Reference: Shannon entropy; the normalisation is by log C, not C.
    """
    scale = 1 / math.log2(logits.shape[1]) if logits.shape[1] > 1 else 0.0

    def one(z: Tensor) -> Tensor:
        exponent = _exponents(z, z.amax(0))
        power = exponent.exp2()
        total = power.sum(0)
        mean = exponent.mul_(power).sum(0).div_(total)
        return total.log2_().sub_(mean).mul_(scale).clamp_(0, 1)

    return _by_image(logits, one)


def least_confidence(logits: Tensor) -> Tensor:
    """1 - p1, with p1 the greatest probability.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) float32 in [0, 1 - 1/C].

    Raises:
        ValueError: not four axes or fewer than two classes.
    """

    def one(z: Tensor) -> Tensor:
        total = _exponents(z, z.amax(0)).exp2_().sum(0)
        return total.reciprocal_().neg_().add_(1)

    return _by_image(logits, one)


def margin(logits: Tensor) -> Tensor:
    """1 - (p1 - p2), with p1 and p2 the two greatest probabilities.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) float32 in [0, 1].

    Raises:
        ValueError: not four axes or fewer than two classes.

    Reference: PixelPick (Shin et al., ICCVW 2021).
    """

    def one(z: Tensor) -> Tensor:
        first, second = _two_greatest(z)
        total = _exponents(z, first).exp2_().sum(0)
        return 1 - (1 - (second - first).exp_()) / total

    return _by_image(logits, one)


def bvsb(logits: Tensor) -> Tensor:
    """Best versus second best, p2 / p1 = exp(z2 - z1): no softmax is needed.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) float32 in [0, 1].

    Raises:
        ValueError: not four axes or fewer than two classes.

    Reference: Cai et al., Revisiting Superpixels for Active Learning (CVPR 2021).
    """
    return bvsb_and_class(logits)[0]


def bvsb_and_class(logits: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`bvsb` and the predicted class, of one sweep.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) float32 p2 / p1; (N, h, w) int64 argmax, the first of equals.

    Raises:
        ValueError: not four axes or fewer than two classes.
    """
    _check(logits)
    n, _, h, w = logits.shape
    value = torch.empty((n, h, w), dtype=torch.float32, device=logits.device)
    group = torch.empty((n, h, w), dtype=torch.int64, device=logits.device)
    for index in range(n):
        z = _planes(logits[index])
        first, second = _two_greatest(z)
        group[index] = _class_of(z, first)
        torch.exp(second.sub_(first), out=value[index])
    return value, group


def predicted(logits: Tensor) -> Tensor:
    """The predicted class, faster than ``argmax`` over the channel axis.

    Args:
        logits: (N, C, h, w), C at least 2.

    Returns:
        (N, h, w) int64, the first of equals.

    Raises:
        ValueError: not four axes or fewer than two classes.
    """
    _check(logits)
    n, _, h, w = logits.shape
    group = torch.empty((n, h, w), dtype=torch.int64, device=logits.device)
    for index in range(n):
        z = _planes(logits[index])
        group[index] = _class_of(z, z.amax(0))
    return group


def class_mass(logits: Tensor, temperature: float = 0.1) -> Tensor:
    """The softmax of logits over ``temperature``, summed over pixels: nearly a count of the predictions.

    Args:
        logits: (N, C, h, w), C at least 2.
        temperature: divides the logits.

    Returns:
        (N, C) float64: the sum over each image's pixels; a row sums to h * w.

    Raises:
        ValueError: not four axes or fewer than two classes.

    Reference: MulActSeg (Hwang et al., NeurIPS 2023), the class share of PixBal.
    """
    _check(logits)
    n, classes, h, w = logits.shape
    mass = torch.zeros((n, classes), dtype=torch.float64, device=logits.device)
    for index in range(n):
        for rows in _blocks(classes, h, w):
            z = _planes(logits[index, :, rows])
            power = _exponents(z, z.amax(0), 1 / temperature).exp2_()
            share = power.sum(0).reciprocal_()
            mass[index] += torch.mv(power.reshape(classes, -1), share.flatten()).double()
    return mass


def binary_entropy(probs: Tensor) -> Tensor:
    """Entropy of "this class or another" for each class, in bits.

    u_c = -p_c log2 p_c - (1 - p_c) log2 (1 - p_c).

    Args:
        probs: (N, C, h, w) probabilities.

    Returns:
        (N, C, h, w) float32 in [0, 1]: 1 where p_c = 1/2, 0 where it is 0 or 1.

    Example:
        >>> binary_entropy(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)).flatten().tolist()
        [0.0, 1.0, 0.0]

    Reference: OREAL (arXiv 2412.06470), one-vs-rest entropy.
    """
    p = probs.float()
    both: Tensor = torch.special.entr(p) + torch.special.entr((1 - p).clamp_(min=0))
    return both.div_(math.log(2)).clamp_(max=1)


def _check(logits: Tensor) -> None:
    if logits.ndim != 4 or logits.shape[1] < 2:
        raise ValueError(f"logits: expected (N, C, h, w) with C at least 2, found {tuple(logits.shape)}")


def _by_image(logits: Tensor, one: Callable[[Tensor], Tensor]) -> Tensor:
    _check(logits)
    n, classes, h, w = logits.shape
    value = torch.empty((n, h, w), dtype=torch.float32, device=logits.device)
    for index in range(n):
        for rows in _blocks(classes, h, w):
            value[index, rows] = one(_planes(logits[index, :, rows]))
    return value


def _blocks(classes: int, h: int, w: int) -> Iterator[slice]:
    """Rows at a time, so that what is computed between fits the cache."""
    step = max(BLOCK // (classes * w), 1)
    return (slice(top, min(top + step, h)) for top in range(0, h, step))


def _planes(z: Tensor) -> Tensor:
    """(C, h, w) float32 with each class's rows in one piece; copied only where they are not."""
    z = z.float()
    return z if z.stride(-1) == 1 else z.contiguous()


def _exponents(z: Tensor, first: Tensor, factor: float = 1.0) -> Tensor:
    """(C, h, w) exponents of two such that 2**x = exp(factor * (z - z1)), never below ``LOWEST``."""
    return torch.sub(z, first).mul_(factor * LOG2E).clamp_(min=LOWEST)


def _two_greatest(z: Tensor) -> tuple[Tensor, Tensor]:
    """The greatest and the second greatest of (C, h, w) over C, without sorting (``topk`` takes 20 times as long)."""
    first, low = z[0].clone(), torch.empty_like(z[0])
    second = torch.full_like(first, -torch.inf)
    for channel in z[1:]:
        torch.minimum(first, channel, out=low)
        torch.maximum(second, low, out=second)
        torch.maximum(first, channel, out=first)
    return first, second


def _class_of(z: Tensor, first: Tensor) -> Tensor:
    """(h, w) float32: the first channel that holds the greatest value (``argmax`` takes 8 times as long).

    Floats all through: comparisons into bool tensors are several times slower than into floats.
    """
    count = len(z)
    code, equal = torch.zeros_like(first), torch.empty_like(first)
    for index in range(count):
        torch.eq(z[index], first, out=equal)
        torch.maximum(code, equal.mul_(count - index), out=code)
    return code.neg_().add_(count)
