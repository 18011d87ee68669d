"""DeepLabV3+: context from dilated convolutions, fused with one shallow level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models.decoders.hooks import Drop, Scale, Watch, dropout_places, undropped, unwatched
from seglens.models.passes import folded, fused_passes
from seglens.registry import networks


class PooledNorm(nn.BatchNorm2d):
    """Batch norm of features that are pooled to one pixel, which in training may be a single number a channel.

    Deviation: with one image in a batch there is no variance; then the running statistics are taken and kept.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, 1, 1)."""
        if self.training and len(x) == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


@networks.register("deeplabv3plus")
class DeepLab(nn.Module):
    """Atrous spatial pyramid pooling and the DeepLabV3+ decoder, with separable convolutions; logits at stride 4.

    Channels are dropped behind the whole ASPP (its projection and the separable convolution behind that), which is
    where the decoder begins: what is enlarged and fused can then be shared by all passes.

    Reference:
        Chen et al., Encoder-decoder with atrous separable convolution, ECCV 2018: rates 6, 12, 18 at output stride 16,
        twice that at 8, 48 channels of the shallow level.
    """

    Params = ModelConfig
    stride = 4
    head_kernel = 1
    encoder_strides = (16, 8)
    activations = ("bottleneck", "aspp", "stride-4", "trunk")
    """The last features of the encoder, the ASPP, both levels side by side before fusing, what the head reads."""
    places: ClassVar = {"aspp": ("aspp",), "blocks": ("aspp", "decoder"), "decoder": ("decoder",)}
    """Behind the ASPP, behind the fusing block, or both."""
    dropout_at = "aspp"

    def __init__(self, config: ModelConfig, channels: Sequence[int], strides: Sequence[int]) -> None:
        from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder

        super().__init__()
        deep = strides[-1]
        self.taps = ("stride-4", f"stride-{deep}")
        self.layers = DeepLabV3PlusDecoder(
            encoder_channels=list(channels),
            encoder_depth=5,
            out_channels=config.width,
            atrous_rates=[rate * 16 // deep for rate in (6, 12, 18)],
            output_stride=16 if deep == 16 else 8,
            aspp_separable=True,
            aspp_dropout=0.0,
        )
        pooling = self.layers.aspp[0].convs[-1]
        pooling[2] = PooledNorm(config.width)
        self.out_channels = self.width = config.width
        self.dropped = dropout_places(config)

    def forward(self, stages: list[Tensor], watch: Watch = unwatched, drop: Drop = undropped) -> Tensor:
        """(N, width, H / 4, W / 4)."""
        context = watch("aspp", self.layers.aspp(watch("bottleneck", stages[-1])))
        context = self._enlarged(drop("aspp", context))
        both = watch("stride-4", torch.cat([context, self.layers.block1(stages[2])], 1))
        return watch("trunk", self.layers.block2(both))

    def _enlarged(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.layers.up(x.float())  # torch's bfloat16 upsampling is several times slower on the CPU
        return enlarged.to(x.dtype)

    def before(self, stages: list[Tensor]) -> tuple[Tensor, ...]:
        """What reaches the pointwise convolution of the fusing block: the ASPP's channels, (N, width, H / 4, W / 4),
        and all that the shallow level adds to its outputs, of the same shape.

        Dropping channels commutes with enlarging and with the depthwise convolution, which treat each channel alone.
        """
        (depthwise, pointwise), norm, _ = self.layers.block2
        weight, bias = folded(pointwise, norm)
        kernel, pad = depthwise.weight, depthwise.padding
        context = self._enlarged(self.layers.aspp(stages[-1]))
        context = functional.conv2d(context, kernel[: self.width], padding=pad, groups=self.width)
        shallow = self.layers.block1(stages[2])
        shallow = functional.conv2d(shallow, kernel[self.width :], padding=pad, groups=shallow.shape[1])
        return context, functional.conv2d(shallow, weight[:, self.width :], bias)

    def after(self, held: tuple[Tensor, ...], scale: Scale, weight: Tensor, bias: Tensor) -> Tensor:
        """(passes, N, C, H / 4, W / 4): two matrix products a pass.

        Args:
            held: of ``before``.
            scale: gives the factors of the channels at a place.
            weight: of the head, (C, width, 1, 1).
            bias: of the head.
        """
        context, shallow = held
        (_, pointwise), norm, _ = self.layers.block2
        mixing = folded(pointwise, norm)[0][:, : self.width, 0, 0]
        factors = scale("aspp", self.width)
        heads = weight[:, :, 0, 0].expand(*factors.shape[:2], -1, -1)
        if "decoder" in self.dropped:
            heads = heads * scale("decoder", self.width)[:, :, None]
        logits = fused_passes(context.flatten(2), shallow.flatten(2), mixing, factors, heads, bias)
        return logits.view(*logits.shape[:3], *context.shape[2:])
