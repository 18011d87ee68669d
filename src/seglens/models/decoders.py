"""The decoders: thin doors to those of segmentation-models-pytorch, by name in ``seglens.registry.networks``.

A decoder is a module built as ``Decoder(config, channels)`` (channels of the encoder's stages, stride 1 first) that
maps the list of all stages to (N, out_channels, H / stride, W / stride). It says which ``taps`` it reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from seglens.config import ModelConfig
from seglens.registry import networks
from seglens.types import SeglensError


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

    def __init__(self, config: ModelConfig, channels: Sequence[int]) -> None:
        super().__init__()
        if config.width % 32:
            raise SeglensError(f"model.width: found {config.width}, allowed for fpn: multiples of 32 (group norm)")
        self.layers = FPNDecoder(
            list(channels), pyramid_channels=config.width, segmentation_channels=config.width, dropout=0.0
        )
        self.out_channels = int(self.layers.out_channels)

    def forward(self, stages: list[Tensor]) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        out: Tensor = self.layers(stages)
        return out


@networks.register("unet")
class Unet(nn.Module):
    """U-Net decoder; logits at stride 1.

    Reference:
        Ronneberger et al., U-Net, MICCAI 2015.
    """

    Params = ModelConfig
    stride = 1
    head_kernel = 3

    def __init__(self, config: ModelConfig, channels: Sequence[int]) -> None:
        super().__init__()
        self.taps = tuple(f"stride-{2**i}" for i, width in enumerate(channels) if i and width)
        self.layers = UnetDecoder(list(channels), (256, 128, 64, 32, 16))
        self.out_channels = 16

    def forward(self, stages: list[Tensor]) -> Tensor:
        """(N, 16, H, W)."""
        out: Tensor = self.layers(stages)
        return out
