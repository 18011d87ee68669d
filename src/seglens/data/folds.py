"""K folds of another dataset: what is learnt from, and what is measured on, stratified by class."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from seglens.config import Params, PartConfig
from seglens.data.stratify import stratify
from seglens.data.subset import SubsetImages, SubsetLabels, truth
from seglens.protocols import SegDataset
from seglens.registry import datasets
from seglens.types import Chance, ImageId, SeglensError

_WHAT = "this part of the folds"


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
class Folds(SubsetImages):
    """K folds of another dataset, in each of which every class is shown by about as many images.

    The split reads which classes each mask shows, once: it is a part of how a method is measured, not of the method,
    and this dataset keeps the ids of its images and no label. Images are parted whatever their group: neighbouring
    frames of a sequence may come to both sides.

    Raises:
        SeglensError: fewer images than folds, or a mask that cannot be read.
    """

    Params = FoldsParams

    def __init__(self, params: FoldsParams) -> None:
        data: SegDataset = datasets.build(params.of)
        super().__init__(data, _ids(params, data.fingerprint()), _WHAT)

    @classmethod
    def labels(cls, params: FoldsParams) -> SubsetLabels:
        """The truth of the same images."""
        data = datasets.build(params.of)
        return SubsetLabels(truth(params.of), _ids(params, data.fingerprint()), _WHAT)


def _ids(params: FoldsParams, fingerprint: str) -> tuple[ImageId, ...]:
    """The ids of the wanted part, in the dataset's order."""
    folds = _folds(params.of.model_dump_json(), fingerprint, params.k, params.seed)
    return tuple(id for id, fold in folds if (fold == params.fold) == (params.part == "val"))


@lru_cache(16)
def _folds(part: str, fingerprint: str, k: int, seed: int) -> tuple[tuple[ImageId, int], ...]:
    """Each image with its fold; ``fingerprint`` is the dataset's, so that changed files are read again."""
    of = PartConfig.model_validate_json(part)
    data: SegDataset = datasets.build(of)
    labels = truth(of)
    if len(data.ids) < k:
        raise SeglensError(f"data 'folds': key 'k', found {k}: the dataset '{of.name}' has {len(data.ids)} images")
    present = np.zeros((len(data.ids), len(data.classes)), bool)
    for row, id in enumerate(data.ids):
        if labels.has(id):
            present[row] = np.bincount(labels.label(id).ravel(), minlength=256)[: len(data.classes)] > 0
    found = stratify(present, k, Chance(("folds", seed, k)).numpy())
    return tuple(zip(data.ids, found.tolist(), strict=True))
