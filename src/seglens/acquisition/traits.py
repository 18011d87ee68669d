"""What picks may read of a region beside its score: arrays of rows that are made only where a pick declares them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence
from seglens.types import Chance, Size

WIDTH = 64
"""Features of more channels go through a fixed random projection to as many."""

MapsOf: TypeAlias = Callable[[int], Tensor]
"""Given the place of an image in its batch, maps (D, h, w) of it at the model's size; rows keep their means."""

WITHOUT_MODEL = frozenset({"features", "place"})
"""Those that are there before the first training."""


@dataclass(frozen=True)
class Traits:
    """The traits that a pick declared, made of the evidence of a batch.

    ``features`` (R, D) float16: the mean feature over the region, of ``tap``, brought to the model's size bilinearly;
    of more than ``WIDTH`` channels through a Gaussian random projection to ``WIDTH``, which keeps distances on average
    (Johnson and Lindenstrauss) and is the same for the whole run. ``gradient`` (R, C) float32: the mean over the region
    of p - onehot(argmax p), the gradient of the cross-entropy with respect to the logits if the prediction were the
    label. ``edges`` (R, 1) float32: the share of its pixels whose right or lower neighbour is predicted as another
    class. ``place`` (R, 2) float32: the mean (y, x) of its pixels, native pixels.

    Args:
        names: which of them.
        tap: of the features: ``trunk`` (what the head sees), or ``bottleneck`` while there is no model.
        chance: of the projection.
    """

    names: frozenset[str]
    tap: str
    chance: Chance

    @property
    def needs(self) -> frozenset[str]:
        """What they read of the evidence."""
        features = "trunk" if self.tap == "trunk" else "features"
        evidence = {"features": {features}, "gradient": {"probs"}, "edges": {"logits"}, "place": set[str]()}
        return frozenset[str]().union(*(evidence[name] for name in self.names))

    def of(self, ev: Evidence) -> dict[str, MapsOf]:
        """For each trait the maps of each image of ``ev``."""
        made = {"features": self._features, "gradient": _gradient, "edges": _edges, "place": _place}
        return {name: made[name](ev) for name in sorted(self.names)}

    def _features(self, ev: Evidence) -> MapsOf:
        found = ev.features(self.tap).float()
        if found.shape[1] > WIDTH:
            found = torch.einsum("nchw,cd->ndhw", found, self._projection(found.shape[1]).to(found.device))
        size: Size = (ev.answered.shape[-2], ev.answered.shape[-1])
        return lambda index: enlarged(found[index], size)

    def _projection(self, channels: int) -> Tensor:
        """(channels, WIDTH)"""
        drawn: Tensor = torch.randn(channels, WIDTH, generator=self.chance.torch()) / WIDTH**0.5
        return drawn


def enlarged(features: Tensor, size: Size) -> Tensor:
    """(D, h, w): features (D, h', w') of the padded input, bilinear to it, cropped to ``size``."""
    scale = 1
    while features.shape[-2] * scale < size[0] or features.shape[-1] * scale < size[1]:
        scale *= 2
    big = functional.interpolate(features[None], scale_factor=float(scale), mode="bilinear", align_corners=False)
    return big[0, :, : size[0], : size[1]]


def _gradient(ev: Evidence) -> MapsOf:
    probs = ev.probs

    def one(index: int) -> Tensor:
        p = probs[index]
        return p.scatter_add(0, p.argmax(0)[None], torch.full_like(p[:1], -1.0))

    return one


def _edges(ev: Evidence) -> MapsOf:
    found = predicted(ev.logits)
    edge = torch.zeros_like(found, dtype=torch.bool)
    edge[:, :-1] |= found[:, 1:] != found[:, :-1]
    edge[:, :, :-1] |= found[:, :, 1:] != found[:, :, :-1]
    return lambda index: edge[index][None].float()


def _place(ev: Evidence) -> MapsOf:
    height, width = ev.answered.shape[-2:]

    def one(index: int) -> Tensor:
        native = ev.sizes[index]
        y = (torch.arange(height) + 0.5) * native[0] / height
        x = (torch.arange(width) + 0.5) * native[1] / width
        return torch.stack(torch.meshgrid(y, x, indexing="ij"))

    return one
