"""The gradient of logits with respect to an activation of the U-Net decoder, by hand.

In eval the decoder is a chain of convolutions, batch norms that are a scale, ReLUs and doublings, so its adjoint is a
chain of convolutions with turned kernels between the ReLUs' masks. Three things make it several times as fast as
autograd: it needs no graph (the forward pass runs in inference mode and keeps only what the ReLUs gave), the masks are
shared by all rows of an image, and a 3x3 convolution behind a doubling has one adjoint of 4x4 with stride 2.
``seglens.evidence.cam`` takes autograd for every other decoder; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.models import SegNet
from seglens.models.decoders import Unet

Trace = Mapping[str, Tensor]
"""The activations that a watch saw, by name, of one image: (1, K, h', w') each."""


@dataclass(frozen=True)
class Step:
    """One convolution of the adjoint: ``kernel`` (K', K, k, k), padding 1, after the mask of the ReLU ``relu``."""

    kernel: Tensor
    stride: int
    relu: str | None


def by_hand(net: SegNet) -> bool:
    """Whether the network's decoder is one that ``gradients`` knows."""
    return isinstance(net.decoder, Unet)


def gradients(plan: list[Step], trace: Trace, cotangents: Tensor) -> Tensor:
    """Pull cotangents of the logits back to the layer that ``plan`` was made for.

    Args:
        plan: of ``backwards``.
        trace: what a watch saw of one image, at least the ReLUs' outputs behind the layer.
        cotangents: (R, C, H, W) of the logits at the padded size, zero in the padding, of the activations' dtype.

    Returns:
        (R, K, h', w') gradient with respect to the activation, same dtype.
    """
    gradient = cotangents
    with torch.autocast(gradient.device.type, enabled=False):
        for step in plan:
            if step.relu is not None:
                gave = trace[step.relu].expand(len(gradient), -1, -1, -1)
                gradient = torch.ops.aten.threshold_backward(gradient, gave, 0)
            gradient = functional.conv2d(gradient, step.kernel, stride=step.stride, padding=1)
    return gradient


def backwards(net: SegNet, layer: str, dtype: torch.dtype) -> list[Step]:
    """The steps from the logits back to ``layer``, kernels in ``dtype``."""
    return [Step(step.kernel.to(dtype), step.stride, step.relu) for step in _steps(net, layer)]


def _steps(net: SegNet, layer: str) -> Iterator[Step]:
    yield Step(_turned(net.head[0].weight.detach()), 1, None)
    names = net.activations
    for index in range(len(names) - 2, -1, -1):
        name = names[index + 1]
        if name == layer:
            return
        enlarge, block = net.decoder.block(index)
        yield Step(_turned(_folded(block.conv2)), 1, name)
        yield Step(_doubled(_turned(_folded(block.conv1)), enlarge, net.decoder.widths[index]), 2, f"{name}/1")


def _folded(block: Any) -> Tensor:
    """(K', K, 3, 3): the weights of a convolution times the scale of the batch norm behind it."""
    convolution, norm = block[0], block[1]
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    folded: Tensor = convolution.weight * scale[:, None, None, None]
    return folded.detach()


def _turned(kernel: Tensor) -> Tensor:
    """The kernel of a convolution's adjoint, where it keeps height and width."""
    return kernel.flip(2, 3).transpose(0, 1)


def _doubled(kernel: Tensor, enlarge: nn.ConvTranspose2d | None, width: int) -> Tensor:
    """(K, K', 4, 4): a 3x3 adjoint, then the adjoint of the doubling before it, as one convolution with stride 2.

    The first ``width`` of the kernel's channels come from below, the others are skip features.
    """
    kernel = kernel[:width]
    rows = width if enlarge is None else enlarge.in_channels
    both = kernel.new_zeros(rows, kernel.shape[1], 4, 4)
    for y in range(2):
        for x in range(2):
            part = (
                kernel if enlarge is None else torch.einsum("im,mkyx->ikyx", enlarge.weight.detach()[..., y, x], kernel)
            )
            both[..., y : y + 3, x : x + 3] += part
    return both
