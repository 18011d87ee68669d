"""A head that predicts, from an encoder's pooled stages alone, how large the loss of an image will be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seglens.registry import judges
from seglens.types import SeglensError, Size


@judges.register("loss-head")
class LossHead(nn.Module):
    """Each stage through a layer of its own, all of them side by side through one more: a number an image.

    Args:
        channels: of the encoder's stages, shallow to deep.
        width: of each stage's layer.

    Example:
        >>> head = LossHead((16, 24), width=8)
        >>> tuple(head(torch.zeros(3, 40)).shape)
        (3, 1)

    Reference:
        CPRAL (arXiv 2112.05975), "features from 6 different encoder stages ... averagely pooled to C x 1 x 1", then
        fully connected to 128 each, concatenated (768), fully connected to 1; Yoo and Kweon, Learning Loss for Active
        Learning, CVPR 2019, section 3.2 (with the ReLU behind each stage's layer).
    """

    kind: ClassVar[str] = "loss-head"

    def __init__(self, channels: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.channels, self.width = tuple(channels), width
        self.layers = nn.ModuleList(nn.Linear(count, width) for count in self.channels)
        self.rating = nn.Linear(width * len(self.channels), 1)

    @property
    def spec(self) -> dict[str, Any]:
        """The plain values that it is built from."""
        return {"channels": list(self.channels), "width": self.width}

    def forward(self, stages: Tensor) -> Tensor:
        """The predicted loss.

        Args:
            stages: (N, sum of ``channels``) float32, pooled over the image.

        Returns:
            (N, 1) float32; only its order means something.

        Raises:
            SeglensError: stages of another encoder.
        """
        if stages.ndim != 2 or stages.shape[1] != sum(self.channels):
            raise SeglensError(
                f"loss-head: expected the stages of an encoder as (N, {sum(self.channels)}), "
                f"found {tuple(stages.shape)}: they are another encoder's"
            )
        parts = torch.split(stages, list(self.channels), dim=1)
        hidden = [layer(part).relu() for layer, part in zip(self.layers, parts, strict=True)]
        out: Tensor = self.rating(torch.cat(hidden, 1))
        return out

    def judge(self, stages: Callable[[], Tensor], images: Callable[[Size], Tensor]) -> Tensor:
        """(N, 1) the predicted loss; the images themselves are not looked at."""
        said: Tensor = self(stages())
        return said
