"""A variational autoencoder of small images, and a discriminator that tells labelled from unlabelled by its latent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seglens.models.loss_head import LossHead
from seglens.registry import judges
from seglens.types import Size

SMALL: Size = (64, 64)
"""The size (h, w) of the images that the autoencoder sees, pixels."""

DEEPEST = 4
"""Rows and columns of the deepest map."""

HIDDEN = 512
"""Width of the discriminator's two hidden layers."""


class Vae(nn.Module):
    """A convolutional variational autoencoder: four strided convolutions down to 4 x 4, a latent, and back.

    Deviation: group norm for VAAL's batch norm. Labelled and unlabelled images are normalised alike whatever they
    stand beside, and a latent is the same function of its image in training and later.

    Args:
        latent: length of the latent.
        width: channels of the first convolution; the following have 2, 4 and 4 times as many. A multiple of 8.
        beside: length of what is put beside the latent when it is decoded.

    Example:
        >>> vae = Vae(latent=5, width=8)
        >>> mean, log_variance = vae.encode(torch.zeros(2, 3, 64, 64))
        >>> tuple(mean.shape), tuple(vae.decode(mean).shape)
        ((2, 5), (2, 3, 64, 64))

    Reference:
        Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014; Sinha et al., Variational adversarial active
        learning, ICCV 2019, section 3.1.
    """

    def __init__(self, latent: int, width: int, beside: int = 0) -> None:
        super().__init__()
        self.channels = (width, 2 * width, 4 * width, 4 * width)
        deep = self.channels[-1] * DEEPEST**2
        self.down = nn.Sequential(*[_halve(a, b) for a, b in pairwise((3, *self.channels))])
        self.to_latent = nn.Linear(deep, 2 * latent)
        self.from_latent = nn.Linear(latent + beside, deep)
        self.up = nn.Sequential(
            *[_double(a, b) for a, b in pairwise(self.channels[::-1])], nn.ConvTranspose2d(width, 3, 4, 2, 1)
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent, (N, latent) each, of images (N, 3, 64, 64) in [0, 1]."""
        mean, log_variance = self.to_latent(self.down(images - 0.5).flatten(1)).chunk(2, 1)
        return mean, log_variance.clamp(-10, 10)

    def decode(self, latent: Tensor) -> Tensor:
        """(N, 3, 64, 64) images in [0, 1] of latents (N, latent + beside)."""
        deep = self.from_latent(latent).relu().view(-1, self.channels[-1], DEEPEST, DEEPEST)
        out: Tensor = self.up(deep)
        return out.sigmoid()


def _halve(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(4, after), nn.ReLU(inplace=True))


def _double(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(before, after, 4, 2, 1), nn.GroupNorm(4, after), nn.ReLU(inplace=True))


def discriminator(length: int) -> nn.Sequential:
    """Two hidden layers of 512; its logit is that of "labelled". Untrained, it says one half of everything.

    Args:
        length: of the latent and what is put beside it.

    Reference:
        Sinha et al., ICCV 2019, section 4 (512-512-1).
    """
    last = nn.Linear(HIDDEN, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(length, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), last)


@judges.register("vaal")
class VaalNet(nn.Module):
    """VAAL: an autoencoder, and how surely an image is a labelled one.

    Args:
        latent: length of the latent.
        width: of the autoencoder.

    Reference:
        Sinha et al., Variational adversarial active learning, ICCV 2019, section 3.
    """

    kind: ClassVar[str] = "vaal"
    extra: ClassVar[int] = 0

    def __init__(self, latent: int = 32, width: int = 16) -> None:
        super().__init__()
        self.latent, self.width = latent, width
        self.vae = Vae(latent, width, self.extra)
        self.discriminator = discriminator(latent + self.extra)

    @property
    def spec(self) -> dict[str, Any]:
        """The plain values that it is built from."""
        return {"latent": self.latent, "width": self.width}

    def beside(self, stages: Callable[[], Tensor], count: int) -> Tensor:
        """(N, extra) what is put beside the latents of ``count`` images: nothing."""
        return next(self.parameters()).new_zeros(count, 0)

    def judge(self, stages: Callable[[], Tensor], images: Callable[[Size], Tensor]) -> Tensor:
        """(N, 1) in [0, 1]: the probability of "labelled", from the mean of the latent."""
        mean, _ = self.vae.encode(images(SMALL))
        said: Tensor = self.discriminator(torch.cat([mean, self.beside(stages, len(mean))], 1))
        return said.sigmoid()


@judges.register("ta-vaal")
class TaVaalNet(VaalNet):
    """TA-VAAL: what ranks images by the task's loss is put beside the latent, for decoder and discriminator.

    The ranker's output is brought to [0, 1] by a sigmoid.
    Deviation: the paper normalises it and does not say how; a sigmoid depends on no other image of the batch.

    Args:
        channels: of the encoder's stages, shallow to deep.
        head: width of the ranker's layer of each stage.
        latent: length of the latent.
        width: of the autoencoder.

    Reference:
        Kim et al., Task-aware variational adversarial active learning, CVPR 2021, section 3.
    """

    kind: ClassVar[str] = "ta-vaal"
    extra: ClassVar[int] = 1

    def __init__(self, channels: Sequence[int], head: int = 128, latent: int = 32, width: int = 16) -> None:
        super().__init__(latent, width)
        self.ranker = LossHead(channels, head)

    @property
    def spec(self) -> dict[str, Any]:
        """The plain values that it is built from."""
        return {"channels": list(self.ranker.channels), "head": self.ranker.width, **super().spec}

    def beside(self, stages: Callable[[], Tensor], count: int) -> Tensor:
        """(N, 1) in [0, 1]: the rank of each image by its expected loss, without gradient."""
        with torch.no_grad():
            rank: Tensor = self.ranker(stages())
        return rank.sigmoid()
