"""A branch that says, from the prediction alone, how difficult each pixel is: how likely it is wrong."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from seglens.registry import judges

STRIDE = 4
"""Of the prediction that is looked at; a decoder that ends at a smaller stride is averaged down to it."""
HIDDEN = 16
"""Channels of the hidden layer."""
POSITIONS = 1536
"""Most positions that attend to one another."""


@judges.register("difficulty")
class DifficultyNet(nn.Module):
    """Attention of every place of the prediction to every other, and two layers: a difficulty a pixel.

    With p the softmax at stride 4: attention a_ij = softmax over j of p_i . p_j; seen_i = gamma sum_j a_ij p_j + p_i,
    gamma learnt from 0; difficulty = sigmoid(w . relu(V seen + v) + b).

    Deviation: DEAL has no hidden layer. Without one, a difficulty is all but linear in p: a pixel torn between two
    classes is held to be as difficult as the mean of two sure ones, and doubt itself cannot count. On streets (40
    images of 96x192, 450 steps) it tells wrong from right pixels of other images with an AUROC of 0.83, without the
    layer of 0.75; entropy does with 0.87.
    Deviation: attention needs the square of its positions in memory; where there are more than 1536, the prediction is
    averaged over squares of 2, 4, ... places, these attend to one another, and what they see is enlarged again.

    Args:
        classes: of the prediction.
        stride: of the decoder's logits.

    Example:
        >>> tuple(DifficultyNet(5, 4)(torch.zeros(2, 5, 24, 48)).shape)
        (2, 1, 24, 48)

    Reference:
        DEAL (Xie et al., ACCV 2020), section 3.2 (probability attention module).
    """

    kind: ClassVar[str] = "difficulty"

    def __init__(self, classes: int, stride: int) -> None:
        super().__init__()
        self.classes, self.stride = classes, stride
        self.gamma = nn.Parameter(torch.zeros(()))
        self.hidden = nn.Conv2d(classes, HIDDEN, 1)
        self.last = nn.Conv2d(HIDDEN, 1, 1)

    @property
    def spec(self) -> dict[str, Any]:
        """The plain values that it is built from."""
        return {"classes": self.classes, "stride": self.stride}

    def forward(self, logits: Tensor) -> Tensor:
        """The logit of each pixel's difficulty.

        Args:
            logits: (N, C, H / s, W / s) of the segmenter at the decoder's stride s, padding included.

        Returns:
            (N, 1, H / s, W / s) float32.
        """
        seen = functional.avg_pool2d(logits.float().softmax(1), max(STRIDE // self.stride, 1))
        out: Tensor = self.last(self.hidden(self.gamma * _attended(seen) + seen).relu())
        if out.shape[-2:] != logits.shape[-2:]:
            out = functional.interpolate(out, logits.shape[-2:], mode="bilinear", align_corners=False)
        return out

    def mark(self, logits: Tensor) -> Tensor:
        """(N, 1, H / s, W / s) in [0, 1]: each pixel's difficulty; 1 = surely wrong."""
        said: Tensor = self(logits)
        return said.sigmoid()


def _attended(p: Tensor) -> Tensor:
    """(N, C, h, w): at each place the mean of all places' ``p``, weighted by how much alike they are."""
    few = p
    while few.shape[-2] * few.shape[-1] > POSITIONS:
        few = functional.avg_pool2d(few, 2, ceil_mode=True)
    flat = few.flatten(2)
    weight = torch.einsum("ncj,nci->nij", flat, flat).softmax(-1)
    mean = torch.einsum("nij,ncj->nci", weight, flat).view_as(few)
    return mean if few is p else functional.interpolate(mean, p.shape[-2:], mode="bilinear", align_corners=False)
