"""BDD100K's 10k images for semantic segmentation: ``images/10k`` and ``labels/sem_seg/masks``.

Reference:
    Yu et al., BDD100K: a diverse driving dataset for heterogeneous multitask learning, CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from seglens.data.classes import CITYSCAPES
from seglens.data.filed import Entry, FileImages, FileLabels, SplitParams
from seglens.data.storage import AnyPlace, Place, PlaceField, parts
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError


class Bdd100kParams(SplitParams):
    """Where BDD100K lies and which part of it."""

    root: PlaceField = Field(description="folder, or URL, that holds images/10k and labels/sem_seg/masks")
    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train",), min_length=1, description="splits, in order (test has no masks)"
    )
    include: tuple[str, ...] = Field((), description="videos to keep (0004a4c0, ...); empty = all")
    exclude: tuple[str, ...] = Field((), description="videos to leave out")


@datasets.register("bdd100k")
class Bdd100k(FileImages):
    """BDD100K's 10k images with Cityscapes' 19 classes; the group is the video, what stands before the ``-``.

    Raises:
        SeglensError: a folder is missing, a strange file name, an unknown video, or nothing is left.
    """

    Params = Bdd100kParams

    def __init__(self, params: Bdd100kParams) -> None:
        super().__init__(CITYSCAPES, _entries(params))

    @classmethod
    def labels(cls, params: Bdd100kParams) -> FileLabels:
        """The truth of the same images: 8-bit class indices, 255 = void."""
        images = _entries(params)
        masks = {id: picture_path(params.root, id, "masks") for id in images}
        return FileLabels(CITYSCAPES, images, {id: mask for id, mask in masks.items() if mask.is_file()})


def picture_path(root: AnyPlace, id: ImageId, folder: Literal["images", "masks"]) -> AnyPlace:
    """Where an image or its mask lies.

    Example:
        >>> from pathlib import Path
        >>> picture_path(Path("b"), "val/7d06fefd-f7be05a6", "masks").as_posix()
        'b/labels/sem_seg/masks/val/7d06fefd-f7be05a6.png'
    """
    if folder == "images":
        return root / "images" / "10k" / f"{id}.jpg"
    return root / "labels" / "sem_seg" / "masks" / f"{id}.png"


def _video(id: ImageId) -> str:
    return id.partition("/")[2].partition("-")[0]


def _frames(root: Place, split: str) -> Iterator[ImageId]:
    folder = root / "images" / "10k" / split
    if not folder.is_dir():
        raise SeglensError(
            f"{folder}: no such folder; bdd100k expects images/10k/{split} and labels/sem_seg/masks in {root}"
        )
    for path in sorted(folder.glob("*.jpg"), key=parts):
        video, _, frame = path.stem.partition("-")
        if not video or not frame:
            raise SeglensError(f"{path}: expected VIDEO-FRAME.jpg")
        yield f"{split}/{path.stem}"


def _entries(params: Bdd100kParams) -> dict[ImageId, Entry]:
    found = [id for split in params.splits for id in _frames(params.root, split)]
    kept = params.kept(found, "bdd100k", "video", _video)
    return {id: Entry(picture_path(params.root, id, "images"), _video(id)) for id in kept}
