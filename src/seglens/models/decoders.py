"""The decoders: thin doors to those of segmentation-models-pytorch, by name in ``seglens.registry.networks``.

A decoder is a module built as ``Decoder(config, channels)`` (channels of the encoder's stages, stride 1 first) that
maps the list of all stages to (N, out_channels, H / stride, W / stride). It says which ``taps`` it reads, and passes
the activation of each of its ``activations``, by name, through a ``watch``: what that returns is what goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.registry import networks
from seglens.types import SeglensError

Watch: TypeAlias = Callable[[str, Tensor], Tensor]
"""Called with the name and the activation of a decoder's layer; what it returns goes on through the decoder."""


def unwatched(_name: str, activation: Tensor) -> Tensor:
    """The watch that changes nothing."""
    return activation


UNET_WIDTHS = (256, 128, 64, 32, 16)
"""Channels of the U-Net decoder's blocks, deepest first."""


@networks.register("fpn")
class Fpn(nn.Module):
    """Feature pyramid with an adding segmentation head; logits at stride 4.

    Reference:
        Kirillov et al., Panoptic feature pyramid networks, CVPR 2019, section 3.
    """

    Params = ModelConfig
    stride = 4
    head_kernel = 1
    taps = ("stride-4", "stride-8", "stride-16", "stride-32")
    activations = ("bottleneck", "stride-16", "stride-8", "stride-4", "trunk")
    """The last features of the encoder, the levels of the pyramid (before their branches), what the head sees."""

    def __init__(self, config: ModelConfig, channels: Sequence[int]) -> None:
        super().__init__()
        if config.width % 32:
            raise SeglensError(f"model.width: found {config.width}, allowed for fpn: multiples of 32 (group norm)")
        self.layers = FPNDecoder(
            list(channels), pyramid_channels=config.width, segmentation_channels=config.width, dropout=0.0
        )
        self.out_channels = int(self.layers.out_channels)

    def forward(self, stages: list[Tensor], watch: Watch = unwatched) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        layers = self.layers
        level = layers.p5(watch("bottleneck", stages[-1]))
        levels = [level]
        for name, block, stage in zip(
            self.activations[1:-1], (layers.p4, layers.p3, layers.p2), stages[-2:-5:-1], strict=True
        ):
            level = watch(name, block(level, stage))
            levels.append(level)
        branches = [branch(level) for branch, level in zip(layers.seg_blocks, levels, strict=True)]
        return watch("trunk", layers.dropout(layers.merge(branches)))


class Enlarged(nn.Module):
    """A block of the U-Net decoder behind a transposed convolution that doubles height and width.

    The block resizes what it gets to the size of the skip connection, which then changes nothing: sizes are padded to
    the encoder's stride.

    Args:
        block: a decoder block of segmentation-models-pytorch.
        width: channels of the map that it enlarges.
    """

    def __init__(self, block: nn.Module, width: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(width, width, kernel_size=2, stride=2)
        self.block = block

    def forward(self, deep: Tensor, height: int, width: int, skip_connection: Tensor | None = None) -> Tensor:
        """(N, D', height, width) from (N, D, height / 2, width / 2)."""
        out: Tensor = self.block(self.enlarge(deep), height, width, skip_connection=skip_connection)
        return out


@networks.register("unet")
class Unet(nn.Module):
    """U-Net decoder; logits at stride 1. It enlarges by nearest neighbour, or by transposed convolutions.

    Reference:
        Ronneberger et al., U-Net, MICCAI 2015 (whose "up-convolution" is the transposed one).
    """

    Params = ModelConfig
    stride = 1
    head_kernel = 3

    def __init__(self, config: ModelConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.taps = tuple(f"stride-{2**i}" for i, width in enumerate(channels) if i and width)
        self.layers = UnetDecoder(list(channels), UNET_WIDTHS)
        self.widths = (channels[-1], *UNET_WIDTHS[:-1])  # of what each block enlarges
        if config.upsampling == "transposed":
            blocks = [Enlarged(block, width) for block, width in zip(self.layers.blocks, self.widths, strict=True)]
            self.layers.blocks = nn.ModuleList(blocks)
        self.out_channels = 16
        strides = [2**i for i in range(len(self.layers.blocks))][::-1]
        self.activations = ("bottleneck", *(f"stride-{stride}" for stride in strides[:-1]), "trunk")

    def forward(self, stages: list[Tensor], watch: Watch = unwatched) -> Tensor:
        """(N, 16, H, W). The first convolution of each block is watched too, under the name of its layer and ``/1``."""
        x = watch("bottleneck", self.layers.center(stages[-1]))
        skips = [*stages[-2:0:-1], None]
        for i, (name, skip) in enumerate(zip(self.activations[1:], skips, strict=True)):
            enlarge, block = self.block(i)
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest") if enlarge is None else enlarge(x)
            if skip is not None:
                x = block.attention1(torch.cat([x, skip], 1))
            x = watch(f"{name}/1", block.conv1(x))
            x = watch(name, block.attention2(block.conv2(x)))
        return x

    def block(self, index: int) -> tuple[nn.ConvTranspose2d | None, Any]:
        """Block ``index``, deepest first: what doubles height and width (None: nearest neighbour), and the rest."""
        block = self.layers.blocks[index]
        return (block.enlarge, block.block) if isinstance(block, Enlarged) else (None, block)
