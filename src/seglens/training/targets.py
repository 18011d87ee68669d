"""Settled labels as the targets of a batch, at the model's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seglens.models.views import View, view_of
from seglens.types import ImageId, Provenance, Settled, Size, Targets


@dataclass(frozen=True)
class Label:
    """The labels of one view of one image: index and provenance (h, w) uint8, regions (h, w) int32 or None, sets."""

    index: Tensor
    provenance: Tensor
    regions: Tensor | None
    sets: tuple[tuple[int, ...], ...]


class LabelStore:
    """Labels of views at the model's size, kept in memory up to a limit (beyond it they are made anew each time).

    Args:
        settled: the labels of an image, native.
        size: (h, w).
        limit_bytes: what is kept at most.
    """

    def __init__(self, settled: Callable[[ImageId], Settled], size: Size, limit_bytes: int = 2**30) -> None:
        self._settled, self._size = settled, size
        self._room = limit_bytes
        self._kept: dict[tuple[ImageId, str], Label] = {}

    def get(self, id: ImageId, view: str) -> Label:
        """The labels of a view of an image."""
        key = (id, view)
        if key not in self._kept:
            label = self._make(id, view)
            cost = 2 * label.index.numel() + (0 if label.regions is None else 4 * label.index.numel())
            if cost > self._room:
                return label
            self._room -= cost
            self._kept[key] = label
        return self._kept[key]

    def _make(self, id: ImageId, view: str) -> Label:
        return fit_label(self._settled(id), view_of(view), self._size)


def fit_label(settled: Settled, view: View, size: Size) -> Label:
    """A view of an image's labels at a size.

    Nearest pixel; where that one has no label and another under the same target pixel has, that other's: a point's
    single pixel would else be lost most of the time.

    Args:
        settled: the labels, native.
        view: which view.
        size: (h, w).
    """
    maps = [torch.from_numpy(settled.label.copy()), torch.from_numpy(settled.provenance.copy())]
    if settled.regions is not None:
        maps.append(torch.from_numpy(settled.regions.astype("int32")))
    small = [view.label(values, size).clone(memory_format=torch.contiguous_format) for values in maps]
    native = [view.label(values, (values.shape[0], values.shape[1])) for values in maps]
    height, width = native[0].shape
    if size[0] * size[1] < height * width:
        y, x = torch.nonzero(native[1] > 0, as_tuple=True)
        target = y * size[0] // height * size[1] + x * size[1] // width
        missed = small[1].flatten()[target] == 0
        places, y, x = target[missed].numpy(), y[missed], x[missed]
        for into, values in zip(small, native, strict=True):
            into.view(-1).numpy()[places] = values[y, x].numpy()  # of several, the last: NumPy's documented order
    return Label(small[0], small[1], small[2] if len(small) > 2 else None, settled.sets)


def unasked(size: Size) -> Settled:
    """What stands in for an image's labels where these must not be seen: one class and no provenance everywhere."""
    return Settled(np.zeros(size, np.uint8), np.zeros(size, np.uint8))


def provenance_weights(weights: Mapping[str, float]) -> Tensor:
    """(5,) float32: the loss weight of each provenance, by number; none is 0.

    Example:
        >>> provenance_weights({"person": 1.0, "machine": 0.5}).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.5]
    """
    return torch.tensor([0.0 if p is Provenance.NONE else float(weights.get(p.name.lower(), 1.0)) for p in Provenance])


def collate(labels: Sequence[Label], weights: Tensor, classes: int) -> Targets:
    """The targets of a batch; the class sets of all images in one table.

    Args:
        labels: one an image.
        weights: (5,) loss weight by provenance.
        classes: number of classes.
    """
    index = torch.stack([label.index for label in labels]).long()
    weight = weights[torch.stack([label.provenance for label in labels]).long()]
    if all(label.regions is None for label in labels):
        return Targets(index, weight)
    regions: list[Tensor] = []
    rows: list[list[bool]] = []
    for label in labels:
        own = torch.full_like(label.index, -1, dtype=torch.int32) if label.regions is None else label.regions
        regions.append(torch.where(own >= 0, own + len(rows), -1))
        rows += [[c in chosen for c in range(classes)] for chosen in label.sets]
    return Targets(index, weight, torch.stack(regions), torch.tensor(rows, dtype=torch.bool).view(-1, classes))
