"""The labelled pixels that one step's loss looks at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seglens.types import IGNORE, Chance, Targets


def sample_pixels(targets: Targets, most: int, chances: Sequence[Chance]) -> tuple[Tensor, Targets]:
    """At most so many labelled pixels of each image, drawn by chance (with replacement); all where they are fewer.

    Interpolating the logits at these alone costs a fraction of enlarging them all and gives the same gradient on
    average: a drawn pixel stands for all that it was drawn from.

    Args:
        targets: (N, h, w) maps.
        most: pixels an image, P.
        chances: one an image.

    Returns:
        (N, P, 2) float32 places (y, x) in pixels, pixel centres at .5; and the targets there, maps of (N, P, 1).

    Example:
        >>> targets = Targets(torch.tensor([[[0, IGNORE], [IGNORE, 1]]]), torch.ones(1, 2, 2))
        >>> places, picked = sample_pixels(targets, 3, [Chance((0,))])
        >>> places[0, :2].tolist(), picked.index[0, :, 0].tolist()
        ([[0.5, 0.5], [1.5, 1.5]], [0, 1, 255])
    """
    count, width = len(targets.index), targets.index.shape[-1]
    labelled = targets.index != IGNORE
    if targets.regions is not None:
        labelled = labelled | (targets.regions >= 0)
    drawn = torch.zeros(count, most, dtype=torch.int64)
    share = torch.zeros(count, most)
    for i, chance in enumerate(chances):
        found = labelled[i].flatten().nonzero()[:, 0]
        if len(found) > most:
            drawn[i] = found[torch.randint(len(found), (most,), generator=chance.torch())]
            share[i] = len(found) / most
        else:
            drawn[i, : len(found)] = found
            share[i, : len(found)] = 1
    index = torch.where(share > 0, targets.index.flatten(1).gather(1, drawn), IGNORE)
    weight = targets.weight.flatten(1).gather(1, drawn) * share
    regions = targets.regions
    if regions is not None:
        regions = torch.where(share > 0, regions.flatten(1).gather(1, drawn), -1)[..., None]
    places = torch.stack([drawn // width, drawn % width], -1) + 0.5
    return places, Targets(index[..., None], weight[..., None], regions, targets.sets)


def sample_anywhere(inside: Tensor, most: int, chances: Sequence[Chance]) -> tuple[Tensor, Targets]:
    """At most so many pixels of each image, drawn as by ``sample_pixels``, whether they have a label or not.

    Args:
        inside: (N, h, w) bool: what lies in the image.
        most: pixels an image, P.
        chances: one an image.

    Returns:
        (N, P, 2) float32 places; targets of (N, P, 1) without a class, of weight 1, or 0 past the last pixel.
    """
    index = torch.where(inside, 0, IGNORE)
    places, drawn = sample_pixels(Targets(index, torch.ones(index.shape)), most, chances)
    return places, Targets(torch.full_like(drawn.index, IGNORE), (drawn.index != IGNORE).float())


def logits_at(logits: Tensor, places: Tensor, stride: int) -> Tensor:
    """Logits at places of the image: the values that ``SegNet.enlarge`` would give there.

    Args:
        logits: (N, C, H / stride, W / stride) of the padded input.
        places: (N, P, 2) as from ``sample_pixels``.
        stride: of the logits.

    Returns:
        (N, C, P, 1).
    """
    size = torch.tensor(logits.shape[-2:], device=places.device) * stride
    grid = (places / size * 2 - 1).flip(-1)[:, :, None]
    return functional.grid_sample(logits.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
