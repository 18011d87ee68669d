"""Settle: labels are extended to what lies around them and resembles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seglens.acquisition.settle.paint import BY_PEOPLE, answered_pixels, paint
from seglens.config import Params
from seglens.functional.attention import attended_classes, dilated, patches, whole_patches
from seglens.functional.native import to_native
from seglens.protocols import Evidence, PartContext
from seglens.registry import settles
from seglens.types import (
    IGNORE,
    AnsweredImage,
    BoolArray,
    ByteArray,
    IntArray,
    Provenance,
    SeglensError,
    Settled,
    Size,
)

LABELLED = 0.5
"""Least share of a column's native pixels with a label for the column to have one.

Deviation: a key's patch counts as labelled where each of its columns is so by half; the paper's mask (Eq. 7) wants all.
At an eighth of the height a window is few columns wide, and its frame cuts through columns.
"""


class ContextualParams(Params):
    """How far labels reach, and when they are believed."""

    tap: Literal["stride-4", "stride-8", "stride-16", "stride-32"] = Field(
        "stride-4", description="encoder features that are compared"
    )
    radius: float = Field(0.25, gt=0, description="farthest a label reaches, share of the image's height")
    accept: float = Field(0.9, ge=0, le=1, description="least attention that one class must get (tau)")
    agree: bool = Field(True, description="the model must predict the same class; false is the paper's reading")
    model: float = Field(0.95, ge=0, le=1, description="least probability that it must give it, with agree (tau_m)")
    temperature: float = Field(10.0, gt=0, description="what cosines are multiplied by before the softmax")
    keys: int = Field(2048, gt=0, description="most labelled patches of an image that are looked at")


@settles.register("contextual")
class Contextual:
    """Labels are extended to what lies around them and resembles them, where attention and model are sure.

    The features of an image are cut into 3 x 3 patches. Patches that lie wholly in people's labels are keys; columns
    near a label that are not answered yet are queries. Each query attends to the keys (``functional.attention``) and
    takes the class with most attention, if that is at least ``accept``; of its pixels those are extended that the
    model predicts as that class with at least ``model``. All else stays unlabelled.

    Extended pixels carry the provenance ``extended``. They are made anew each time from the answers alone, never where
    anything was answered: void and "unsure" are answers too. Labels of the machine and extended ones are never keys.
    Without a model everything is as answered.

    Deviation: the paper gives no features, neighbourhood, threshold, or temperature, and extends everything; it calls
    wrong extended labels the biggest threat. Here it abstains, and the model has to agree; ``agree: false``,
    ``accept: 0`` and a large ``radius`` are the paper's reading. The model matters most: round the most uncertain
    windows of CamVid attention alone is right in about six of ten pixels that it accepts, for a class that no key has
    cannot win. The defaults were chosen there, to be right in 95 % and reach a fifth of the answered area: attention
    at stride 4 (patches at stride 8 hardly fit into a window), far reach, a sure model.

    Reference: CPRAL (arXiv 2112.05975), "Contextual Labels Extension", Eq. 7 and 8.
    """

    Params = ContextualParams
    needs: ClassVar[frozenset[str]] = frozenset({"features", "probs"})

    def __init__(self, params: ContextualParams, context: PartContext) -> None:
        self.params = params

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """The labels of each image, with what they extend to."""
        painted = [paint(image) for image in batch]
        if ev is None:
            return painted
        if [image.image for image in batch] != list(ev.ids):
            raise SeglensError("settle 'contextual': the evidence is not that of the images to settle, in their order")
        settled = []
        for index, (image, labels) in enumerate(zip(batch, painted, strict=True)):
            open_ = (~answered_pixels(image, labels)).any()  # of images answered as a whole the network sees nothing
            here = (ev.features(self.params.tap)[index], ev.probs[index]) if open_ else None
            settled.append(labels if here is None else self._extended(image, labels, *here))
        return settled

    def _extended(self, image: AnsweredImage, settled: Settled, features: Tensor, probs: Tensor) -> Settled:
        """The labels with what is accepted of the queries' classes. features (D, h', w'), probs (C, h, w)."""
        free = ~answered_pixels(image, settled)
        columns = _columns(image.size, (probs.shape[1], probs.shape[2]), int(self.params.tap.removeprefix("stride-")))
        classes = self._attended(settled, free, columns, features.float(), len(probs))[columns.of_model]
        if self.params.agree:
            confidence, predicted = (values.cpu().numpy() for values in probs.max(0))
            classes[(predicted != classes) | (confidence < self.params.model)] = IGNORE
        native = to_native(classes, image.size)
        accepted = free & (native != IGNORE)
        label, provenance = settled.label.copy(), settled.provenance.copy()
        label[accepted], provenance[accepted] = native[accepted], Provenance.EXTENDED
        return replace(settled, label=label, provenance=provenance)

    def _attended(
        self, settled: Settled, free: BoolArray, columns: Columns, features: Tensor, classes: int
    ) -> ByteArray:
        """(h' * w',) uint8 the class that each column attends to enough, IGNORE where none or not asked."""
        found = np.full(columns.count, IGNORE, np.uint8)
        by_class = _by_class(settled, columns, classes)
        labelled = by_class.sum(1) >= np.maximum(1, LABELLED * columns.pixels)
        mask = torch.from_numpy(labelled.reshape(columns.shape))
        reach = max(1, round(self.params.radius * columns.rows))
        near = dilated(mask, reach).flatten().numpy()
        queries = np.flatnonzero(near & (np.bincount(columns.of_native[free], minlength=columns.count) > 0))
        keys = np.flatnonzero(whole_patches(mask).flatten().numpy())
        if not len(queries) or not len(keys):
            return found
        named = by_class.argmax(1)
        keys = keys[_stratified(named[keys], self.params.keys)]
        vectors = patches(features[:, : columns.shape[0], : columns.shape[1]])
        attended = attended_classes(
            vectors[torch.from_numpy(queries)],
            vectors[torch.from_numpy(keys)],
            torch.from_numpy(named[keys]).to(vectors.device),
            classes,
            self.params.temperature,
        )
        most, best = (values.cpu().numpy() for values in attended.max(1))
        sure = most >= self.params.accept
        found[queries[sure]] = best[sure]
        return found


@dataclass(frozen=True)
class Columns:
    """Which column of a feature map each pixel lies in.

    Args:
        shape: (h', w') columns that hold anything of the image, without the padding.
        rows: columns that the image's height spans; it may end within one.
        of_model: (h, w) row-major number of the column of each pixel of the model's input.
        of_native: (H, W) the same of each native pixel.
        pixels: (h' * w',) native pixels of each column.
    """

    shape: Size
    rows: float
    of_model: IntArray
    of_native: IntArray
    pixels: IntArray

    @property
    def count(self) -> int:
        """Columns in all."""
        return self.shape[0] * self.shape[1]


@lru_cache(maxsize=16)
def _columns(native: Size, size: Size, stride: int) -> Columns:
    """The columns of a feature map of ``stride`` over an input of ``size`` made of an image of ``native`` pixels."""
    height, width = (-(-length // stride) for length in size)
    of_model = (np.arange(size[0]) // stride)[:, None] * width + np.arange(size[1]) // stride
    of_native = to_native(of_model, native)
    pixels = np.bincount(of_native.ravel(), minlength=height * width)
    return Columns((height, width), size[0] / stride, of_model, of_native, pixels)


def _by_class(settled: Settled, columns: Columns, classes: int) -> IntArray:
    """(h' * w', C) native pixels of each column that people gave each class."""
    known = np.isin(settled.provenance, BY_PEOPLE) & (settled.label != IGNORE)
    place = columns.of_native[known] * classes + settled.label[known]
    return np.bincount(place, minlength=columns.count * classes).reshape(-1, classes)


def _stratified(classes: IntArray, most: int) -> IntArray:
    """Positions of at most ``most`` keys, spread evenly over each class; rare classes are kept whole longest."""
    if len(classes) <= most:
        return np.arange(len(classes))
    names, counts = np.unique(classes, return_counts=True)
    kept: list[IntArray] = []
    room = most
    for place, rank in enumerate(np.argsort(counts, kind="stable")):
        own = np.flatnonzero(classes == names[rank])
        share = min(len(own), room // (len(names) - place))
        kept.append(own[np.arange(share) * len(own) // max(share, 1)])
        room -= share
    return np.sort(np.concatenate(kept))
