"""Cityscapes as it is unpacked: ``leftImg8bit``, ``gtFine`` and, where it is there, ``disparity``.

Reference:
    Cordts et al., The Cityscapes dataset for semantic urban scene understanding, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from seglens.data.classes import CITYSCAPES
from seglens.data.filed import Entry, FileImages, FileLabels, SplitParams
from seglens.data.storage import AnyPlace, Place, PlaceField, parts
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The id, in ``labelIds`` files, of each of the 19 training classes."""

UNLABELED = 0
"""The id of pixels without any label."""

VOID_IDS = tuple(sorted(set(range(34)) - set(LABEL_IDS)))
"""The ids that are no training class; a licence plate is -1, which 8 bits hold as 255."""


class CityscapesParams(SplitParams):
    """Where Cityscapes lies and which part of it."""

    root: PlaceField = Field(description="folder, or URL, that holds leftImg8bit, gtFine and perhaps disparity")
    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train",), min_length=1, description="splits, in order (the public masks of test are void)"
    )
    include: tuple[str, ...] = Field((), description="cities to keep (aachen, ...); empty = all")
    exclude: tuple[str, ...] = Field((), description="cities to leave out")


@datasets.register("cityscapes")
class Cityscapes(FileImages):
    """Cityscapes' frames with its 19 training classes; the group is city and sequence, depth the disparity file.

    A disparity file has 16 bits: 0 is invalid, any other value v means a disparity of (v - 1) / 256 pixels.

    Raises:
        SeglensError: a folder is missing, an unknown city, or nothing is left.
    """

    Params = CityscapesParams

    def __init__(self, params: CityscapesParams) -> None:
        super().__init__(CITYSCAPES, _entries(params))

    @classmethod
    def labels(cls, params: CityscapesParams) -> FileLabels:
        """The truth of the same images, from their ``labelIds`` files."""
        images = _entries(params)
        masks = {id: frame_path(params.root, id, "gtFine") for id in images}
        found = {id: mask for id, mask in masks.items() if mask.is_file()}
        return FileLabels(CITYSCAPES, images, found, VOID_IDS, LABEL_IDS)


def frame_path(root: AnyPlace, id: ImageId, folder: Literal["leftImg8bit", "gtFine", "disparity"]) -> AnyPlace:
    """Where a frame's picture, ``labelIds`` or disparity lies.

    Example:
        >>> frame_path(Path("c"), "val/ulm_000001_000019", "gtFine").as_posix()
        'c/gtFine/val/ulm/ulm_000001_000019_gtFine_labelIds.png'
    """
    split, _, name = id.partition("/")
    ending = "gtFine_labelIds" if folder == "gtFine" else folder
    return root / folder / split / name.partition("_")[0] / f"{name}_{ending}.png"


def _frames(root: Place, split: str) -> Iterator[ImageId]:
    folder = root / "leftImg8bit" / split
    if not folder.is_dir():
        raise SeglensError(f"{folder}: no such folder; cityscapes expects leftImg8bit/{split} and gtFine in {root}")
    for path in sorted(folder.glob("*/*_leftImg8bit.png"), key=parts):
        name = path.name.removesuffix("_leftImg8bit.png")
        if name.count("_") != 2 or name.partition("_")[0] != path.parent.name:
            raise SeglensError(f"{path}: expected {path.parent.name}/{path.parent.name}_SEQUENCE_FRAME_leftImg8bit.png")
        yield f"{split}/{name}"


def _entry(root: Place, id: ImageId) -> Entry:
    disparity = frame_path(root, id, "disparity")  # depth is read from local files alone
    depth = disparity if isinstance(disparity, Path) and disparity.is_file() else None
    group = id.partition("/")[2].rpartition("_")[0]
    return Entry(frame_path(root, id, "leftImg8bit"), group, depth)


def _city(id: ImageId) -> str:
    return id.partition("/")[2].partition("_")[0]


def _entries(params: CityscapesParams) -> dict[ImageId, Entry]:
    found = [id for split in params.splits for id in _frames(params.root, split)]
    return {id: _entry(params.root, id) for id in params.kept(found, "cityscapes", "city", _city)}
