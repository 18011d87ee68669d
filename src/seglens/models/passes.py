"""Many passes with channels dropped, each as little work as possible: what a dropped channel does is in the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def folded(conv: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """A convolution without bias and the batch norm behind it, in eval, as one convolution.

    Args:
        conv: ``nn.Conv2d`` without bias.
        norm: ``nn.BatchNorm2d``.

    Returns:
        Weight (O, I, k, k) and bias (O,).
    """
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def head_passes(x: Tensor, weight: Tensor, bias: Tensor, factors: Tensor) -> Tensor:
    """A convolution of many masked versions of the same map, in one convolution an image.

    What kept channels are multiplied by goes into the map, as dropout has it, and not into the weights: in bfloat16 the
    two round differently.

    Args:
        x: (N, D, h, w).
        weight: (C, D, k, k), k odd.
        bias: (C,).
        factors: (passes, N, D): what each channel is multiplied by: 0, or the same for all.

    Returns:
        (passes, N, C, h, w).
    """
    passes, images, _ = factors.shape
    x = x * factors.amax().to(x)
    weights = (weight * (factors > 0).to(weight)[:, :, None, :, None, None]).transpose(0, 1).flatten(1, 2)
    biases = bias.repeat(passes)
    found = [_convolved(one, w, biases) for one, w in zip(x, weights, strict=True)]
    return torch.stack(found).view(images, passes, -1, *x.shape[2:]).transpose(0, 1)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(C, h, w) from (D, h, w); for one pixel a matrix product, which in bfloat16 takes a quarter of the time."""
    if weight.shape[-1] > 1:
        return functional.conv2d(x[None], weight, bias, padding=weight.shape[-1] // 2)[0]
    return torch.addmm(bias[:, None], weight[:, :, 0, 0], x.flatten(1)).view(-1, *x.shape[1:])


def fused_passes(
    context: Tensor,
    constant: Tensor,
    weight: Tensor,
    factors: Tensor,
    head: Tensor,
    bias: Tensor,
) -> Tensor:
    """relu(weight (factors * context) + constant), then a head of one pixel, for many passes.

    Dropped channels of ``context`` are not multiplied, and outputs that the head's weights ignore are not computed.

    Args:
        context: (N, A, P), where channels are dropped.
        constant: (N, O, P), what no dropout touches.
        weight: (O, A).
        factors: (passes, N, A): what each channel of ``context`` is multiplied by.
        head: (passes, N, C, O).
        bias: (C,).

    Returns:
        (passes, N, C, P).
    """
    passes = []
    for scales, heads in zip(factors.to(weight), head, strict=True):
        images = []
        for n, (scale, last) in enumerate(zip(scales, heads, strict=True)):
            kept, seen = scale.nonzero()[:, 0], last.any(0).nonzero()[:, 0]
            # index_select copies rows in a fifth of the time of square brackets
            rows = constant[n] if len(seen) == last.shape[1] else constant[n].index_select(0, seen)
            mixing = weight.index_select(0, seen).index_select(1, kept) * scale[kept]
            mixed = torch.addmm(rows, mixing, context[n].index_select(0, kept)).relu_()
            images.append(torch.addmm(bias[:, None], last.index_select(1, seen), mixed))
        passes.append(torch.stack(images))
    return torch.stack(passes)
