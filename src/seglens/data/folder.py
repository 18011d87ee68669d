"""Any folder of images, with index masks and a class file where there are some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from seglens.config import Params
from seglens.data.classes import NO_CLASSES, ClassFile, read_classes
from seglens.data.filed import Entry, FileImages, FileLabels
from seglens.data.files import SUFFIXES
from seglens.data.storage import Place, PlaceField, inside, parts
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError


class FolderParams(Params):
    """Where the files lie."""

    images: PlaceField = Field(
        description="folder of images, searched with its subfolders, or its URL (s3://bucket/prefix)"
    )
    masks: PlaceField | None = Field(
        None, description="folder of index masks: PNGs at the images' relative paths; may lack some"
    )
    classes: PlaceField | None = Field(None, description="classes.yaml: names, colors, ignore; needed with masks")
    group_by: Literal["parent", "prefix", "none"] = Field(
        "parent", description="group of an image: its folder, what stands before _ in its name, or one for all"
    )


@datasets.register("folder")
class Folder(FileImages):
    """Images of any folder; the id is the relative path without its ending.

    Raises:
        SeglensError: no such folder, no image in it, two files with one id, or a bad class file.
    """

    Params = FolderParams

    def __init__(self, params: FolderParams) -> None:
        super().__init__(_classes(params).table, _entries(params))

    @classmethod
    def labels(cls, params: FolderParams) -> FileLabels:
        """The truth where there is some: masks may be missing for some images, or for all."""
        known = _classes(params)
        images = _entries(params)
        masks = {} if params.masks is None else {id: params.masks / f"{id}.png" for id in images}
        found = {id: path for id, path in masks.items() if path.is_file()}
        return FileLabels(known.table, images, found, known.ignore)


def _classes(params: FolderParams) -> ClassFile:
    if params.masks is not None and not params.masks.is_dir():
        raise SeglensError(f"{params.masks}: no such folder of masks")
    if params.classes is None:
        if params.masks is not None:
            raise SeglensError("data 'folder': key 'classes' is missing: masks need a classes.yaml")
        return ClassFile(NO_CLASSES)
    return read_classes(params.classes)


def _group(id: ImageId, group_by: str) -> str:
    folder, _, name = id.rpartition("/")
    if group_by == "parent":
        return folder or "."
    return name.partition("_")[0] if group_by == "prefix" else "all"


def _images(root: Place, masks: Place | None) -> Iterator[tuple[PurePosixPath, Place]]:
    """Every image below ``root`` and where it lies there, but those in hidden folders and in the masks' folder."""
    apart = masks if masks is not None and masks.resolve() != root.resolve() else None
    for path in sorted((path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES), key=parts):
        relative = inside(path, root)
        if relative is None or any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        if apart is None or inside(path, apart) is None:
            yield relative, path


def _entries(params: FolderParams) -> dict[ImageId, Entry]:
    root = params.images
    if not root.is_dir():
        raise SeglensError(f"{root}: no such folder of images")
    entries: dict[ImageId, Entry] = {}
    for relative, path in _images(root, params.masks):
        id = relative.with_name(relative.stem).as_posix()
        if id in entries:
            raise SeglensError(f"{entries[id].image} and {path} give the same id '{id}': rename or move one of them")
        entries[id] = Entry(path, _group(id, params.group_by))
    if not entries:
        raise SeglensError(f"{root}: no image found; looked for {', '.join(sorted(SUFFIXES))}")
    return entries
