"""The network: encoder, decoder, dropout, head. Sizes in, logits of the same sizes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models.decoders import Watch, unwatched
from seglens.models.dropout import ChannelDropout
from seglens.models.stages import STAGES_TAP, pooled_stages, stage_modules
from seglens.models.weights import build_encoder
from seglens.registry import networks
from seglens.types import Chance, ClassTable, Size

Features = Mapping[str, Tensor]
"""Encoder features by tap: ``stride-2`` ... ``stride-32``."""


class SegNet(nn.Module):
    """A segmentation network in pieces that can be run one by one.

    ``decode(encode(images), size)`` is the whole of it; ``encode`` gives what a cache keeps; ``trunk`` ends before the
    dropout, so that further passes rerun ``classify`` and ``enlarge`` alone.

    Args:
        classes: the classes, in the order of the logits.
        config: what it is built from.
        encoder: encoder of segmentation-models-pytorch, five stages.
        mean: of the RGB images in [0, 1] that the encoder expects.
        std: their standard deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, classes: ClassTable, config: ModelConfig, encoder: Any, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.classes, self.config = classes, config
        self.encoder = encoder
        self.decoder = networks.get(config.name)(config, list(encoder.out_channels))
        self.dropout = ChannelDropout(config.dropout)
        self.head = SegmentationHead(self.decoder.out_channels, len(classes), kernel_size=self.decoder.head_kernel)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(3, 1, 1))
        self.frozen = False
        initialize_decoder(self.decoder)
        initialize_head(self.head)

    @property
    def taps(self) -> tuple[str, ...]:
        """The features that the decoder needs and ``encode`` gives."""
        taps: tuple[str, ...] = self.decoder.taps
        return taps

    @property
    def activations(self) -> tuple[str, ...]:
        """The layers of the decoder that a ``watch`` sees, deepest first."""
        names: tuple[str, ...] = self.decoder.activations
        return names

    @property
    def stride(self) -> int:
        """What the input's height and width are padded to a multiple of."""
        return int(self.encoder.output_stride)

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Channels of the encoder's six learned stages, shallow to deep.

        Raises:
            SeglensError: no stages are named for the encoder.
        """
        return tuple(stage_modules(self.config.encoder).values())

    def encode(self, images: Tensor, stages: bool = False) -> dict[str, Tensor]:
        """Encoder features of images; normalises, and pads bottom and right to the stride.

        Args:
            images: (N, 3, h, w) float32 in [0, 1].
            stages: also give the six learned stages of the encoder, each a mean over the padded image.

        Returns:
            tap to (N, D, ceil(h / stride), ceil(w / stride)), of the padded size; with ``stages`` also ``stages``:
            (N, sum of ``stage_channels``, 1, 1) float32.
        """
        x = (images - self.mean) / self.std
        down, right = -x.shape[-2] % self.stride, -x.shape[-1] % self.stride
        if down or right:
            x = functional.pad(x, (0, right, 0, down), mode="replicate")
        if stages:
            with pooled_stages(self.encoder, self.config.encoder) as pooled:
                found = self.encoder(x)
            extra = {STAGES_TAP: torch.cat(pooled, 1)[:, :, None, None]}
        else:
            found, extra = self.encoder(x), {}
        return {f"stride-{2**i}": f for i, f in enumerate(found) if f"stride-{2**i}" in self.taps} | extra

    def trunk(self, features: Features, watch: Watch = unwatched) -> Tensor:
        """Everything before the dropout: (N, D, H / s, W / s) of the padded size, s the decoder's stride."""
        dtype = next(self.decoder.parameters()).dtype
        deep = features[self.taps[-1]]
        depth = int(self.taps[-1].removeprefix("stride-"))
        pyramid = []
        for i in range(depth.bit_length()):
            scale = depth // 2**i
            # the decoders of segmentation-models-pytorch want all stages; of those they do not read, only the size
            empty = deep.new_empty((len(deep), 0, deep.shape[2] * scale, deep.shape[3] * scale))
            pyramid.append(features.get(f"stride-{2**i}", empty).to(dtype))
        out: Tensor = self.decoder(pyramid, watch)
        return out

    def classify(self, trunk: Tensor, chances: Sequence[Chance] | None = None) -> Tensor:
        """Dropout and head: (N, C, H / s, W / s) logits at the decoder's stride."""
        out: Tensor = self.head(self.dropout(trunk, chances))
        return out

    def before_dropout(self, features: Features) -> tuple[Tensor, ...]:
        """Whatever of the decoder no dropout touches, computed once for many passes."""
        return (self.trunk(features),)

    def after_dropout(self, held: tuple[Tensor, ...], chances: Sequence[Chance]) -> Tensor:
        """The rest of one pass: (N, C, H / s, W / s) logits at the decoder's stride.

        Args:
            held: what ``before_dropout`` gave.
            chances: of the dropout, one an image.
        """
        return self.classify(held[0], chances)

    def enlarge(self, logits: Tensor, size: Size) -> Tensor:
        """Logits at the decoder's stride, bilinear to the padded input, cropped to ``size``: (N, C, h, w)."""
        if self.decoder.stride > 1:
            logits = logits.float()  # torch's bfloat16 upsampling is several times slower on the CPU
            logits = functional.interpolate(
                logits, scale_factor=float(self.decoder.stride), mode="bilinear", align_corners=False
            )
        return logits[..., : size[0], : size[1]]

    def decode(
        self,
        features: Features,
        size: Size,
        chances: Sequence[Chance] | None = None,
        watch: Watch = unwatched,
    ) -> Tensor:
        """Logits from features, which may be float16 from a cache.

        Args:
            features: what ``encode`` gave.
            size: (h, w) of the images that were encoded.
            chances: one an image, to drop channels; None in eval = no dropout.
            watch: sees the activation of each of ``activations``, and may change it.

        Returns:
            (N, C, h, w).
        """
        return self.enlarge(self.classify(self.trunk(features, watch), chances), size)

    def forward(self, images: Tensor, chances: Sequence[Chance] | None = None) -> Tensor:
        """Logits (N, C, h, w) of images (N, 3, h, w) float32 in [0, 1]."""
        return self.decode(self.encode(images), (images.shape[-2], images.shape[-1]), chances)

    def freeze_encoder(self, frozen: bool = True) -> None:
        """Fix the encoder (or free it): no gradients, and its batch norms stay in eval whatever the mode."""
        self.frozen = frozen
        self.encoder.requires_grad_(not frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> SegNet:
        """As torch's, but a frozen encoder stays in eval."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self


def build_network(model: ModelConfig, classes: ClassTable, chance: Chance) -> SegNet:
    """A new network; whatever is drawn comes from ``chance``, and torch's global generator is left as it was.

    Args:
        model: what to build; ``weights`` that name a file of ours are loaded from it.
        classes: the classes of the data.
        chance: of the weights that are drawn.

    Raises:
        SeglensError: unknown decoder or encoder, weights that cannot be had, a file that does not fit.
    """
    if model.weights not in ("imagenet", "random", "hub"):
        from seglens.models.checkpoint import start_from  # which builds networks itself

        return start_from(Path(model.weights), model, classes, chance)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(chance.seed())
        encoder, mean, std = build_encoder(model.encoder, model.weights)
        return SegNet(classes, model, encoder, mean, std)
