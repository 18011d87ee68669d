"""K folds of another dataset: what is learnt from, and what is measured on, stratified by class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from seglens.config import Params, PartConfig
from seglens.data.stratify import stratify
from seglens.protocols import LabelSource, SegDataset
from seglens.registry import datasets
from seglens.types import ByteArray, Chance, ImageId, Item, SeglensError


class FoldsParams(Params):
    """Which part of which folds."""

    of: PartConfig = Field(description="the dataset that is parted, {name, ...}")
    k: int = Field(5, ge=2, description="number of folds")
    fold: int = Field(0, ge=0, description="the fold that is measured on, 0 to k - 1")
    part: Literal["train", "val"] = Field("train", description="val: this fold; train: all others")
    seed: int = Field(0, ge=0, description="seed of the folds")

    @field_validator("of")
    @classmethod
    def _known(cls, of: PartConfig) -> PartConfig:
        """Check the dataset's own keys."""
        datasets.params(of)
        return of

    @model_validator(mode="after")
    def _one_of_them(self) -> FoldsParams:
        if self.fold >= self.k:
            raise ValueError(f"fold: found {self.fold}, allowed are 0 to k - 1 = {self.k - 1}")
        return self


@datasets.register("folds")
class Folds:
    """K folds of another dataset, in each of which every class is shown by about as many images.

    The split reads which classes each mask shows, once: it is a part of how a method is measured, not of the method,
    and this dataset keeps the ids of its images and no label. Images are parted whatever their group: neighbouring
    frames of a sequence may come to both sides.

    Raises:
        SeglensError: fewer images than folds, or a mask that cannot be read.
    """

    Params = FoldsParams

    def __init__(self, params: FoldsParams) -> None:
        self._data: SegDataset = datasets.build(params.of)
        self.classes = self._data.classes
        self.ids: Sequence[ImageId] = _ids(params, self._data.fingerprint())
        self._known = frozenset(self.ids)
        if hasattr(self._data, "depth"):
            self.depth = self._data.depth  # exact depth, where a dataset has it

    @classmethod
    def labels(cls, params: FoldsParams) -> FoldLabels:
        """The truth of the same images."""
        data = datasets.build(params.of)
        return FoldLabels(_labels(params.of), frozenset(_ids(params, data.fingerprint())))

    def item(self, id: ImageId) -> Item:
        """As the other dataset's."""
        return self._data.item(_inside(id, self._known))

    def image(self, id: ImageId) -> ByteArray:
        """(H, W, 3) uint8 RGB.

        Raises:
            SeglensError: an image of another fold, or a file that cannot be read.
        """
        return self._data.image(_inside(id, self._known))

    def fingerprint(self) -> str:
        """A digest of the other dataset's, and of the ids."""
        return hashlib.blake2b(repr((self._data.fingerprint(), self.ids)).encode(), digest_size=12).hexdigest()


class FoldLabels:
    """The truth of some images of a dataset: a LabelSource."""

    def __init__(self, labels: LabelSource, known: frozenset[ImageId]) -> None:
        self._labels, self._known = labels, known

    def has(self, id: ImageId) -> bool:
        """Whether the image is one of these and has a mask."""
        return id in self._known and self._labels.has(id)

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void.

        Raises:
            SeglensError: an image of another fold, or a mask that cannot be read.
        """
        return self._labels.label(_inside(id, self._known))


def _inside(id: ImageId, known: frozenset[ImageId]) -> ImageId:
    if id not in known:
        raise SeglensError(f"image '{id}': not in this part of the folds, of {len(known)} images")
    return id


def _labels(part: PartConfig) -> LabelSource:
    source: LabelSource = datasets.get(part.name).labels(datasets.params(part))
    return source


def _ids(params: FoldsParams, fingerprint: str) -> tuple[ImageId, ...]:
    """The ids of the wanted part, in the dataset's order."""
    folds = _folds(params.of.model_dump_json(), fingerprint, params.k, params.seed)
    return tuple(id for id, fold in folds if (fold == params.fold) == (params.part == "val"))


@lru_cache(16)
def _folds(part: str, fingerprint: str, k: int, seed: int) -> tuple[tuple[ImageId, int], ...]:
    """Each image with its fold; ``fingerprint`` is the dataset's, so that changed files are read again."""
    of = PartConfig.model_validate_json(part)
    data: SegDataset = datasets.build(of)
    labels = _labels(of)
    if len(data.ids) < k:
        raise SeglensError(f"data 'folds': key 'k', found {k}: the dataset '{of.name}' has {len(data.ids)} images")
    present = np.zeros((len(data.ids), len(data.classes)), bool)
    for row, id in enumerate(data.ids):
        if labels.has(id):
            present[row] = np.bincount(labels.label(id).ravel(), minlength=256)[: len(data.classes)] > 0
    found = stratify(present, k, Chance(("folds", seed, k)).numpy())
    return tuple(zip(data.ids, found.tolist(), strict=True))
