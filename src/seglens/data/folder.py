"""Any folder of images, with index masks and a class file where there are some."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from seglens.config import Params
from seglens.data.classes import NO_CLASSES, ClassFile, read_classes
from seglens.data.filed import Entry, FileImages, FileLabels
from seglens.data.files import SUFFIXES
from seglens.registry import datasets
from seglens.types import ImageId, SeglensError


class FolderParams(Params):
    """Where the files lie."""

    images: Path = Field(description="folder of images, searched with its subfolders")
    masks: Path | None = Field(
        None, description="folder of index masks: PNGs at the images' relative paths; may lack some"
    )
    classes: Path | None = Field(None, description="classes.yaml: names, colors, ignore; needed with masks")
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


def _images(root: Path, masks: Path | None) -> list[Path]:
    """Every image below ``root`` but those in hidden folders and in the masks' folder."""
    found = [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    seen = [path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    inside = masks is not None and masks.resolve() != root.resolve()
    return sorted(path for path in seen if not (inside and masks and path.is_relative_to(masks)))


def _entries(params: FolderParams) -> dict[ImageId, Entry]:
    root = params.images
    if not root.is_dir():
        raise SeglensError(f"{root}: no such folder of images")
    entries: dict[ImageId, Entry] = {}
    for path in _images(root, params.masks):
        relative = path.relative_to(root)
        id = relative.with_name(relative.stem).as_posix()
        if id in entries:
            raise SeglensError(f"{entries[id].image} and {path} give the same id '{id}': rename or move one of them")
        entries[id] = Entry(path, _group(id, params.group_by))
    if not entries:
        raise SeglensError(f"{root}: no image found; looked for {', '.join(sorted(SUFFIXES))}")
    return entries
