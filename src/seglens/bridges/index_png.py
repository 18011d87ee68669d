"""Index PNGs: one channel, the class of each pixel, 255 = unlabelled. The layout that our own ``folder`` data reads."""

from __future__ import annotations

from pathlib import Path

import yaml

from seglens.bridges.album import Album, Masks, translate
from seglens.bridges.pictures import Pictures
from seglens.bridges.reading import the_folder
from seglens.data.classes import ClassFile, read_classes
from seglens.files import read_index, write_bytes, write_map
from seglens.types import IGNORE, ByteArray, ImageId, SeglensError

CLASSES = "classes.yaml"


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``images/ID.png``, ``masks/ID.png`` and ``classes.yaml`` with names and colours."""
    for id, mask in masks:
        pictures.put(out / "images", id, id)
        write_map(out / "masks" / f"{id}.png", mask)
    table = {"names": list(album.classes.names), "colors": [list(color) for color in album.classes.colors]}
    write_bytes(out / CLASSES, yaml.safe_dump(table, allow_unicode=True, default_flow_style=None).encode())


def read(place: Path, album: Album) -> Masks:
    """Masks by their image's id, plain or percent-encoded; with a ``classes.yaml`` beside, indices are its own.

    Args:
        place: a folder with ``masks/``, a folder of masks, or one mask.
        album: the run's images.
    """
    folder = place.parent if place.is_file() else the_folder(place, "masks")
    files = [place] if place.is_file() else sorted(_masks(folder))
    if not files:
        raise SeglensError(f"{folder}: no mask in it; looked for *.png")
    beside = [path for path in (folder / CLASSES, folder.parent / CLASSES) if path.is_file()]
    known = read_classes(beside[0]) if beside else ClassFile(album.classes)
    for path in files:
        id = album.find(path.relative_to(folder).as_posix(), str(path))
        yield id, _mask(path, id, known, album)


def _masks(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*.png") if path.is_file()]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _mask(path: Path, id: ImageId, known: ClassFile, album: Album) -> ByteArray:
    names = known.table.names

    def meaning(value: int) -> int:
        if value == IGNORE or value in known.ignore:
            return IGNORE
        if not 0 <= value < len(names):
            raise SeglensError(f"{path}: unknown class index {value}; allowed 0 to {len(names) - 1} and {IGNORE}")
        return album.index(names[value], str(path))

    return translate(read_index(path, album.size(id)), meaning)
