"""Channel dropout whose masks come from Chance: of an image, never of its place in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seglens.types import Chance, SeglensError


class ChannelDropout(nn.Module):
    """Drops whole channels of a feature map, one mask an image.

    Deviation: torch.nn.Dropout2d draws the masks of a batch from the global generator, so that a mask depends on batch
    mates and order; here each image brings its own chance, so that a pass can be repeated whatever the batching.

    Args:
        p: probability that a channel is dropped, in [0, 1).

    Example:
        >>> drop, x = ChannelDropout(0.5).eval(), torch.ones(2, 4, 1, 1)
        >>> chances = [Chance((0, "a")), Chance((0, "b"))]
        >>> bool((drop(x, chances)[1] == drop(x[1:], chances[1:])[0]).all()), bool((drop(x) == x).all())
        (True, True)

    Reference:
        Tompson et al., Efficient object localization using convolutional networks, CVPR 2015, section 3.2.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor, chances: Sequence[Chance] | None = None, place: str = "decoder") -> Tensor:
        """Drop channels of ``x``.

        Args:
            x: (N, C, h, w).
            chances: one an image; None in eval passes ``x`` through.
            place: where in the network this is; each place draws masks of its own.

        Returns:
            (N, C, h, w), the kept channels scaled by 1 / (1 - p).

        Raises:
            SeglensError: in training without chances, or not one chance an image.
        """
        if self.p == 0 or (chances is None and not self.training):
            return x
        if chances is None:
            raise SeglensError(
                f"dropout: asked to drop (model.dropout = {self.p}) without chances; give one Chance an image"
            )
        if len(chances) != len(x):
            raise SeglensError(f"dropout: found {len(chances)} chances for {len(x)} images; give one an image")
        return x * self.factors(x.shape[1], chances, place).to(x)[:, :, None, None]

    def factors(self, channels: int, chances: Sequence[Chance], place: str = "decoder") -> Tensor:
        """What each channel of each image is multiplied by: 0, or 1 / (1 - p).

        The place behind the decoder draws from the image's chance itself, any other from a child that bears its name.

        Args:
            channels: C.
            chances: one an image.
            place: where in the network this is.

        Returns:
            (N, C) float32 on the CPU.
        """
        sources = chances if place == "decoder" else [chance.child("dropout", place) for chance in chances]
        kept = torch.stack([torch.rand(channels, generator=source.torch()) >= self.p for source in sources])
        return kept.float() / (1 - self.p)

    def extra_repr(self) -> str:
        """The probability, for printing."""
        return f"p={self.p}"
