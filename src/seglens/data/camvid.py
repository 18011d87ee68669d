"""CamVid in the layout that SegNet prepared: ``train``, ``trainannot``, ``val``, ``valannot``.

Reference:
    Brostow, Fauqueur, Cipolla, "Semantic object classes in video: a high-definition ground truth database", 2009;
    Badrinarayanan, Kendall, Cipolla, "SegNet", 2017 (the 11 classes and the split).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from seglens.data.classes import CAMVID
from seglens.data.filed import Entry, FileImages, FileLabels, SplitParams
from seglens.data.files import SUFFIXES
from seglens.data.storage import Place, PlaceField, parts
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError

VOID = 11
"""The mask id that CamVid uses for void."""


class CamVidParams(SplitParams):
    """Where CamVid lies and which part of it."""

    root: PlaceField = Field(description="folder, or URL, that holds train, trainannot, val, valannot")
    splits: tuple[Literal["train", "val"], ...] = Field(("train",), min_length=1, description="splits, in order")
    include: tuple[str, ...] = Field((), description="sequences to keep (0001TP, ...); empty = all")
    exclude: tuple[str, ...] = Field((), description="sequences to leave out")

    @model_validator(mode="before")
    @classmethod
    def _one_split(cls, values: Any) -> Any:
        """``split: val`` is short for ``splits: [val]``."""
        if isinstance(values, dict) and "split" in values and "splits" not in values:
            values = {**values, "splits": values["split"]}
            values.pop("split")
        return values


@datasets.register("camvid")
class CamVid(FileImages):
    """CamVid's frames; the group is the sequence, what stands before the ``_`` of the file name.

    Raises:
        SeglensError: a folder is missing, an unknown sequence, or nothing is left.
    """

    Params = CamVidParams

    def __init__(self, params: CamVidParams) -> None:
        super().__init__(CAMVID, _entries(params))

    @classmethod
    def labels(cls, params: CamVidParams) -> FileLabels:
        """The truth of the same images."""
        images = _entries(params)
        masks = {id: _mask(params.root, id) for id in images}
        return FileLabels(CAMVID, images, {id: mask for id, mask in masks.items() if mask.is_file()}, (VOID,))


def _mask(root: Place, id: ImageId) -> Place:
    split, _, name = id.partition("/")
    return root / f"{split}annot" / f"{name}.png"


def _frames(root: Place, split: str) -> Iterator[Place]:
    folder = root / split
    if not folder.is_dir():
        raise SeglensError(f"{folder}: no such folder; camvid expects train, trainannot, val and valannot in {root}")
    yield from sorted((path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES), key=parts)


def _entries(params: CamVidParams) -> dict[ImageId, Entry]:
    found = {
        f"{split}/{path.stem}": Entry(path, path.stem.partition("_")[0])
        for split in params.splits
        for path in _frames(params.root, split)
    }
    return {id: found[id] for id in params.kept(found, "camvid", "sequence", lambda id: found[id].group)}
