"""The network: encoder, decoder, dropout, head. Sizes in, logits of the same sizes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models.decoders import Watch, dropout_places, unwatched
from seglens.models.dropout import ChannelDropout
from seglens.models.passes import head_passes
from seglens.models.stages import STAGES_TAP, pooled_stages, stage_modules
from seglens.models.weights import build_encoder
from seglens.registry import networks
from seglens.types import Chance, ClassTable, SeglensError, Size

Features = Mapping[str, Tensor]
"""Encoder features by tap: ``stride-2`` ... ``stride-32``, of stages of the same stride the deepest."""


class SegNet(nn.Module):
    """A segmentation network in pieces that can be run one by one.

    ``decode(encode(images), size)`` is the whole of it; ``encode`` gives what a cache keeps; of ``coarse``, what no
    dropout touches is ``before_dropout``, so that further passes rerun ``after_dropout`` and ``enlarge`` alone.

    Args:
        classes: the classes, in the order of the logits.
        config: what it is built from.
        encoder: encoder of segmentation-models-pytorch (or like those), five stages.
        mean: of the RGB images in [0, 1] that the encoder expects.
        std: their standard deviation.

    Raises:
        SeglensError: the decoder cannot read the encoder, or has no such place for dropout.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, classes: ClassTable, config: ModelConfig, encoder: Any, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        from segmentation_models_pytorch.base import SegmentationHead
        from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head

        super().__init__()
        self.classes, self.config = classes, config
        self.encoder = encoder
        check_strides(config, self.stride)
        self.dropped = dropout_places(config)
        self.strides = tuple(min(2**i, self.stride) for i in range(6))  # of the encoder's stages, the images first
        self.decoder = networks.get(config.name)(config, list(encoder.out_channels), self.strides)
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
        # convolutions are 1.2 (float32) to 1.7 times (bfloat16) as fast; most decoders are slower that way
        x = x.contiguous(memory_format=torch.channels_last)
        if stages:
            with pooled_stages(self.encoder, self.config.encoder) as pooled:
                found = self.encoder(x)
            extra = {STAGES_TAP: torch.cat(pooled, 1)[:, :, None, None]}
        else:
            found, extra = self.encoder(x), {}
        named = {f"stride-{stride}": f for stride, f in zip(self.strides, found, strict=True)}  # the last one wins
        return {tap: named[tap].contiguous() for tap in self.taps} | extra

    def _pyramid(self, features: Features) -> list[Tensor]:
        """All stages of the encoder, the images first; of those that the decoder does not read, only the size."""
        dtype = next(self.decoder.parameters()).dtype
        deep = features[self.taps[-1]]
        pyramid = []
        for i, stride in enumerate(self.strides):
            scale = self.stride // stride
            stage = deep.new_empty((deep.shape[0], 0, deep.shape[2] * scale, deep.shape[3] * scale))
            if stride not in self.strides[i + 1 :]:
                stage = features.get(f"stride-{stride}", stage)
            pyramid.append(stage.to(dtype))
        return pyramid

    def trunk(self, features: Features, watch: Watch = unwatched, chances: Sequence[Chance] | None = None) -> Tensor:
        """The decoder: (N, D, H / s, W / s) of the padded size, s the decoder's stride.

        Args:
            features: what ``encode`` gave.
            watch: sees the activation of each of ``activations``, and may change it.
            chances: of the dropout inside the decoder, one an image; None in eval = no dropout.
        """

        def drop(place: str, x: Tensor) -> Tensor:
            return self.dropout(x, chances, place) if place in self.dropped else x

        out: Tensor = self.decoder(self._pyramid(features), watch, drop)
        return out

    def classify(self, trunk: Tensor, chances: Sequence[Chance] | None = None) -> Tensor:
        """Dropout behind the decoder, and the head: (N, C, H / s, W / s) logits at the decoder's stride."""
        out: Tensor = self.head(self.dropout(trunk, chances) if "decoder" in self.dropped else trunk)
        return out.contiguous()

    def coarse(self, features: Features, chances: Sequence[Chance] | None = None, watch: Watch = unwatched) -> Tensor:
        """Decoder and head: (N, C, H / s, W / s) logits at the decoder's stride, padding included.

        Arguments are those of ``decode``.
        """
        return self.classify(self.trunk(features, watch, chances), chances)

    def before_dropout(self, features: Features) -> tuple[Tensor, ...]:
        """Whatever of the decoder no dropout touches, computed once for many passes; each tensor's first axis is N.

        Raises:
            SeglensError: in training, where batch norms depend on the pass.
        """
        if self.training:
            raise SeglensError("dropout: passes share work in eval only; call eval() on the network")
        if self.dropout.p == 0 or self.dropped == ("decoder",):
            return (self.trunk(features),)
        held: tuple[Tensor, ...] = self.decoder.before(self._pyramid(features))
        return held

    def after_dropout(self, held: tuple[Tensor, ...], chances: Sequence[Chance]) -> Tensor:
        """The rest of one pass: (N, C, H / s, W / s) logits at the decoder's stride.

        Args:
            held: what ``before_dropout`` gave.
            chances: of the dropout, one an image.
        """
        return self.after_dropout_many(held, [chances])[0]

    def after_dropout_many(self, held: tuple[Tensor, ...], chances: Sequence[Sequence[Chance]]) -> Tensor:
        """The rest of several passes at once: (passes, N, C, H / s, W / s), equal to as many calls of ``coarse``.

        Args:
            held: what ``before_dropout`` gave.
            chances: of the dropout: for each pass, one an image.

        Raises:
            SeglensError: not one chance an image.
        """
        if any(len(row) != len(held[0]) for row in chances):
            raise SeglensError(f"dropout: found {[len(row) for row in chances]} chances for {len(held[0])} images")

        def scale(place: str, channels: int) -> Tensor:
            factors = torch.stack([self.dropout.factors(channels, row, place) for row in chances])
            return factors.to(held[0].device)

        head = self.head[0]
        if self.dropout.p == 0:
            return self.classify(held[0]).expand(len(chances), -1, -1, -1, -1)
        if self.dropped == ("decoder",):
            return head_passes(held[0], head.weight, head.bias, scale("decoder", held[0].shape[1]))
        logits: Tensor = self.decoder.after(held, scale, head.weight, head.bias)
        return logits

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
        return self.enlarge(self.coarse(features, chances, watch), size)

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


def check_strides(config: ModelConfig, stride: int) -> None:
    """Whether the decoder reads an encoder of this output stride.

    Raises:
        SeglensError: it does not; the message names the decoders that do.
    """
    if stride not in networks.get(config.name).encoder_strides:
        able = [name for name in networks if stride in networks.get(name).encoder_strides]
        raise SeglensError(
            f"model.name: '{config.name}' cannot read model.encoder = '{config.encoder}', which ends at stride "
            f"{stride}. "
            f"Allowed with it: {', '.join(able) or 'none'}"
        )


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
        wanted: int = networks.get(model.name).encoder_strides[0]
        encoder, mean, std = build_encoder(model.encoder, model.weights, wanted)
        return SegNet(classes, model, encoder, mean, std)
