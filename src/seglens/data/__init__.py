"""Datasets and class tables. Importing this room registers bdd100k, camvid, cityscapes, folder, folds,
sequences, streets and textures."""

from __future__ import annotations

from seglens.config import CacheConfig, PartConfig
from seglens.data import bdd100k as _bdd100k
from seglens.data import camvid as _camvid
from seglens.data import cityscapes as _cityscapes
from seglens.data import folder as _folder
from seglens.data import folds as _folds
from seglens.data import sequences as _sequences
from seglens.data import streets as _streets
from seglens.data import textures as _textures
from seglens.data.classes import CAMVID, CITYSCAPES
from seglens.data.object_cache import keep
from seglens.protocols import LabelSource, SegDataset
from seglens.registry import datasets

__all__ = ["CAMVID", "CITYSCAPES", "open_data", "open_labels"]

_REGISTERED = (_bdd100k, _camvid, _cityscapes, _folder, _folds, _sequences, _streets, _textures)


def open_data(part: PartConfig, cache: CacheConfig | None = None) -> SegDataset:
    """The images that ``part`` names (``{name: camvid, root: ...}``); it holds no label.

    Args:
        part: the dataset.
        cache: where files from object storage are kept, in the whole process from now on; None = as it was.

    Raises:
        SeglensError: an unknown name or key, or files that are not there.
    """
    if cache is not None:
        keep(cache)
    data: SegDataset = datasets.build(part)
    return data


def open_labels(part: PartConfig) -> LabelSource:
    """The truth of the images that ``part`` names. Only an oracle or the evaluation may hold it.

    Raises:
        SeglensError: as ``open_data``.
    """
    source: LabelSource = datasets.get(part.name).labels(datasets.params(part))
    return source
