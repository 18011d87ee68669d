"""Votes of many passes at full size, from logits at the decoder's stride, without enlarging the logits.

Bilinear values are convex combinations of the four logits around them. Where these have their greatest value in the
same class, every pixel between has it too; only where they disagree is there anything to interpolate. On streets
that was one block in three to five, with a network that was hardly trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from seglens.functional.uncertainty import predicted
from seglens.types import SeglensError, Size


def vote_counts(passes: Iterable[Tensor], stride: int, size: Size) -> Tensor:
    """How many passes predict each class at each pixel, as if each pass were enlarged; one pass in memory at a time.

    Equal to interpolation (bilinear, ``align_corners=False``), crop, ``argmax`` and counting, save where two classes
    are equal but for rounding.

    Args:
        passes: of each the logits (N, C, h, w), C at least 2; 1 to 32767, all of the same shape.
        stride: how many times larger the map is than the logits.
        size: (H, W) of the map, at most ``stride`` times (h, w); what is beyond it at the bottom and right is padding.

    Returns:
        (N, C, H, W) float32 counts; they sum to the number of passes over C.

    Raises:
        ValueError: no pass, a stride below 1, passes of different shapes, or logits too small for ``size``.
        SeglensError: a logit is NaN.

    Example:
        >>> vote_counts([torch.tensor([[[[3.0, 0.0]], [[1.0, 1.0]]]])], 2, (1, 4)).tolist()
        [[[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]]]

    Reference: the votes of CPRAL (arXiv 2112.05975), Eq. 4, counted online.
    """
    counts: _Counts | None = None
    for logits in passes:
        if counts is None:
            counts = _Counts.like(logits, stride, size)
        counts.add(logits)
    if counts is None:
        raise ValueError("votes: expected one pass or more, found none")
    return counts.total()


def vote_entropy(votes: Tensor) -> Tensor:
    """Entropy of the votes over the greatest value that C classes allow, log C.

    Args:
        votes: (N, C, h, w) counts, C at least 2; each pixel's sum to the number of passes, which is at least 1.

    Returns:
        (N, h, w) float32 in [0, 1]: 0 = all passes agree.

    Raises:
        ValueError: not four axes or fewer than two classes.

    Example:
        >>> vote_entropy(torch.tensor([10.0, 10.0, 0.0, 0.0]).view(1, 4, 1, 1)).item()
        0.5

    Reference: CPRAL (arXiv 2112.05975), Eq. 4, read as - sum over classes of q log q, with q the share of the votes and
        0 log 0 = 0. Deviation: over log C, like ``uncertainty.entropy``, which changes no ranking.
    """
    if votes.ndim != 4 or votes.shape[1] < 2:
        raise ValueError(f"votes: expected (N, C, h, w) with C at least 2, found {tuple(votes.shape)}")
    passes = votes[:, :, :1, :1].sum(1, keepdim=True).clamp(min=1)
    scale = 1 / math.log2(votes.shape[1])
    rows = [_entropy(one, float(total), scale) for one, total in zip(votes, passes.flatten(), strict=True)]
    return torch.stack(rows) if rows else votes.new_zeros(0, *votes.shape[2:])


def _entropy(votes: Tensor, passes: float, scale: float) -> Tensor:
    """Of one image, (C, h, w): class by class, so that what is computed between fits the cache."""
    value = torch.zeros_like(votes[0], dtype=torch.float32)
    for plane in votes:
        share = plane.float() / passes
        value.addcmul_(share, share.clamp(min=2.0**-100).log2_(), value=-scale)
    return value.clamp_(0, 1)


@dataclass(frozen=True)
class _Cells:
    """The blocks between logits: ``stride`` x ``stride`` pixels each, one more a row than logits, for borders."""

    corners: Tensor  # (4, cells) which logits lie around each
    weights: Tensor  # (4, stride * stride) of these for each pixel of a block
    shape: Size

    @classmethod
    def of(cls, size: Size, stride: int, device: torch.device) -> _Cells:
        rows, columns = (torch.arange(length + 1, device=device) for length in size)
        y = torch.stack([(rows - 1).clamp(min=0), rows.clamp(max=size[0] - 1)])
        x = torch.stack([(columns - 1).clamp(min=0), columns.clamp(max=size[1] - 1)])
        corners = y[:, None, :, None] * size[1] + x[None, :, None, :]
        # where the pixels of a block lie between its corners: at 1/8, 3/8, 5/8, 7/8 for stride 4
        far = (torch.arange(stride, device=device) + stride // 2 + 0.5 - stride / 2) / stride
        share = torch.stack([1 - far, far])
        weights = share[:, None, :, None] * share[None, :, None, :]
        return cls(corners.reshape(4, -1), weights.reshape(4, -1), (size[0] + 1, size[1] + 1))


@dataclass(frozen=True)
class _Counts:
    """Votes so far: of whole blocks, and of the pixels of blocks whose corners disagree."""

    blocks: Tensor  # (N, C, cells)
    pixels: Tensor  # (N, C, stride * stride, cells)
    cells: _Cells
    logits: torch.Size
    stride: int
    size: Size

    @classmethod
    def like(cls, logits: Tensor, stride: int, size: Size) -> _Counts:
        n, classes, h, w = logits.shape
        if stride < 1 or size[0] > h * stride or size[1] > w * stride:
            raise ValueError(f"votes: logits of {h} x {w} at stride {stride} do not cover {size[0]} x {size[1]} pixels")
        cells = _Cells.of((h, w), stride, logits.device)
        many = cells.corners.shape[1]
        blocks = torch.zeros((n, classes, many), dtype=torch.int16, device=logits.device)
        return cls(blocks, blocks.new_zeros((n, classes, stride**2, many)), cells, logits.shape, stride, size)

    def add(self, logits: Tensor) -> None:
        if logits.shape != self.logits:
            raise ValueError(f"votes: passes of shapes {tuple(self.logits)} and {tuple(logits.shape)}")
        predictions = predicted(logits).flatten(1)
        if int(predictions.max()) >= self.logits[1]:  # nothing equals the greatest value where that is NaN
            raise SeglensError("votes: found logits that are not finite; did the training diverge?")
        for index, classes in enumerate(predictions):
            self._add(index, logits[index].float().flatten(1), classes)

    def _add(self, index: int, logits: Tensor, classes: Tensor) -> None:
        """One image's pass: its logits (C, h * w) and their classes (h * w,)."""
        # index_select and scatter_add_ take a tenth of the time of their like in square brackets
        at = classes.index_select(0, self.cells.corners.flatten()).view(4, -1)
        same = (at[1:] == at[0]).all(0)
        whole, mixed = same.nonzero().squeeze(1), (~same).nonzero().squeeze(1)
        _count(self.blocks[index], at[0].index_select(0, whole).mul_(len(same)).add_(whole))
        around = logits.index_select(1, self.cells.corners.index_select(1, mixed).flatten())
        between = self.cells.weights.T @ around.view(len(logits), 4, -1)  # (C, pixels of a block, mixed)
        inside = torch.arange(self.stride**2, device=logits.device)[:, None] * len(same) + mixed
        _count(self.pixels[index], predicted(between[None])[0].mul_(inside.shape[0] * len(same)).add_(inside))

    def total(self) -> Tensor:
        n, classes = self.blocks.shape[:2]
        whole = torch.empty((n, classes, *self.size), device=self.blocks.device)
        before = self.stride - self.stride // 2  # pixels of the first blocks that lie outside
        crop = [slice(before, before + length) for length in self.size]
        for index, number in product(range(n), range(classes)):  # one map at a time, which fits the cache
            votes = self.pixels[index, number] + self.blocks[index, number]
            laid = votes.view(self.stride, self.stride, *self.cells.shape).permute(2, 0, 3, 1)
            whole[index, number] = laid.flatten(2).flatten(0, 1)[crop[0], crop[1]]
        return whole


def _count(votes: Tensor, at: Tensor) -> None:
    """Add one to ``votes`` at each of the flat positions ``at``."""
    ones = torch.ones((), dtype=votes.dtype, device=votes.device)
    votes.view(-1).scatter_add_(0, at.flatten(), ones.expand(at.numel()))
