"""A feature pyramid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seglens.config import ModelConfig
from seglens.functional.doubling import doubled
from seglens.models.decoders.hooks import Drop, Scale, Watch, undropped, unwatched
from seglens.models.passes import head_passes
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
    encoder_strides = (32,)
    taps = ("stride-4", "stride-8", "stride-16", "stride-32")
    activations = ("bottleneck", "stride-16", "stride-8", "stride-4", "trunk")
    """The last features of the encoder, the levels of the pyramid (before their branches), what the head sees."""
    branches = ("branch-32", "branch-16", "branch-8", "branch-4")
    places: ClassVar = {"decoder": ("decoder",), "blocks": branches}
    """Behind the decoder, or behind each branch of the segmentation head, before they are added."""
    dropout_at = "decoder"

    def __init__(self, config: ModelConfig, channels: Sequence[int], _strides: Sequence[int]) -> None:
        from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder

        super().__init__()
        if config.width % 32:
            raise SeglensError(f"model.width: found {config.width}, allowed for fpn: multiples of 32 (group norm)")
        self.layers = FPNDecoder(
            list(channels), pyramid_channels=config.width, segmentation_channels=config.width, dropout=0.0
        )
        self.out_channels = int(self.layers.out_channels)

    def forward(self, stages: list[Tensor], watch: Watch = unwatched, drop: Drop = undropped) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        *coarse, fine = (drop(place, x) for place, x in zip(self.branches, self._branches(stages, watch), strict=True))
        return watch("trunk", doubled(coarse[0] + coarse[1] + coarse[2]) + fine)

    def _branches(self, stages: list[Tensor], watch: Watch) -> list[Tensor]:
        """The branches; all but the finest at stride 8: adding and dropping channels commute with doubling."""
        layers = self.layers
        level = layers.p5(watch("bottleneck", stages[-1]))
        levels = [level]
        for name, block, stage in zip(
            self.activations[1:-1], (layers.p4, layers.p3, layers.p2), stages[-2:-5:-1], strict=True
        ):
            level = watch(name, block(level, stage))
            levels.append(level)
        return [_run(branch.block, level) for branch, level in zip(layers.seg_blocks, levels, strict=True)]

    def before(self, stages: list[Tensor]) -> tuple[Tensor, ...]:
        """The branches, side by side: (N, 4 width, H / 4, W / 4)."""
        *coarse, fine = self._branches(stages, unwatched)
        return (torch.cat([*(doubled(branch) for branch in coarse), fine], 1),)

    def after(self, held: tuple[Tensor, ...], scale: Scale, weight: Tensor, bias: Tensor) -> Tensor:
        """(passes, N, C, H / 4, W / 4). Adding and a head of one pixel commute: each pass is one head of all branches.

        Args:
            held: of ``before``.
            scale: gives the factors of the channels at a place.
            weight: of the head, (C, width, 1, 1).
            bias: of the head.
        """
        factors = torch.cat([scale(place, self.out_channels) for place in self.branches], 2)
        return head_passes(held[0], weight.repeat(1, len(self.branches), 1, 1), bias, factors)


def _run(branch: Iterable[Any], x: Tensor) -> Tensor:
    """A branch of the segmentation head, without its last doubling."""
    for index, unit in enumerate(branch):
        x = unit.block(doubled(x) if index else x)
    return x
