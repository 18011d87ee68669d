"""SegFormer's head: the stages of a transformer, each through one linear layer, mixed by another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models.decoders.hooks import Drop, Scale, Watch, undropped, unwatched
from seglens.models.passes import folded, fused_passes
from seglens.registry import networks

_LEVELS = (32, 16, 8, 4)


@networks.register("segformer")
class Segformer(nn.Module):
    """The all-MLP head: each stage to one width, enlarged, side by side, mixed pixel by pixel; logits at stride 4.

    Reference:
        Xie et al., SegFormer: simple and efficient design for semantic segmentation with transformers, NeurIPS 2021,
        section 3.2; its B0 is ``encoder: mit_b0`` and ``width: 256``.
    """

    Params = ModelConfig
    stride = 4
    head_kernel = 1
    encoder_strides = (32,)
    taps = ("stride-4", "stride-8", "stride-16", "stride-32")
    activations = ("bottleneck", "stride-32", "stride-16", "stride-8", "stride-4", "trunk")
    """The last features of the encoder, each stage behind its linear layer, what the head sees."""
    branches = ("branch-32", "branch-16", "branch-8", "branch-4")
    places: ClassVar = {"decoder": ("decoder",), "blocks": branches}
    """Behind the mixing (the paper's), or behind the linear layer of each stage."""
    dropout_at = "decoder"

    def __init__(self, config: ModelConfig, channels: Sequence[int], _strides: Sequence[int]) -> None:
        from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder

        super().__init__()
        self.layers = SegformerDecoder([channels[0], 0, *channels[2:]], segmentation_channels=config.width)
        self.out_channels = self.width = config.width

    def forward(self, stages: list[Tensor], watch: Watch = unwatched, drop: Drop = undropped) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        return watch("trunk", self.layers.fuse_stage(self._levels(stages, watch, drop)))

    def _levels(self, stages: list[Tensor], watch: Watch, drop: Drop) -> Tensor:
        """(N, 4 width, H / 4, W / 4): the stages behind their linear layers, deepest first."""
        deep = [watch("bottleneck", stages[-1]), *stages[-2:-5:-1]]
        levels = []
        for stride, place, linear, stage in zip(_LEVELS, self.branches, self.layers.mlp_stage, deep, strict=True):
            x = drop(place, watch(f"stride-{stride}", linear(stage)))
            levels.append(_enlarged(x, stride // self.stride))
        return torch.cat(levels, 1)

    def before(self, stages: list[Tensor]) -> tuple[Tensor, ...]:
        """The stages behind their linear layers, side by side: (N, 4 width, H / 4, W / 4)."""
        return (self._levels(stages, unwatched, undropped),)

    def after(self, held: tuple[Tensor, ...], scale: Scale, weight: Tensor, bias: Tensor) -> Tensor:
        """(passes, N, C, H / 4, W / 4): two matrix products a pass, since dropping commutes with enlarging.

        Args:
            held: of ``before``.
            scale: gives the factors of the channels at a place.
            weight: of the head, (C, width, 1, 1).
            bias: of the head.
        """
        levels = held[0].flatten(2)
        mixing, shift = folded(*list(self.layers.fuse_stage)[:2])
        constant = shift[:, None].expand(len(levels), -1, levels.shape[2])
        factors = torch.cat([scale(place, self.width) for place in self.branches], 2)
        heads = weight[:, :, 0, 0].expand(*factors.shape[:2], -1, -1)
        logits = fused_passes(levels, constant, mixing[:, :, 0, 0], factors, heads, bias)
        return logits.view(*logits.shape[:3], *held[0].shape[2:])


def _enlarged(x: Tensor, times: int) -> Tensor:
    if times == 1:
        return x
    larger = functional.interpolate(x.float(), scale_factor=float(times), mode="bilinear", align_corners=False)
    return larger.to(x.dtype)  # torch's bfloat16 upsampling is several times slower on the CPU
