"""CVAT's "Segmentation mask 1.1", that is Pascal VOC's: coloured PNGs, and a ``labelmap.txt`` that names the colours.

Reference:
    Everingham et al., The Pascal visual object classes challenge: a retrospective, IJCV 2015.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from seglens.bridges.album import UNLABELLED, Album, Masks, translate
from seglens.bridges.pictures import Pictures, png
from seglens.bridges.reading import read_text, the_folder
from seglens.data.classes import distinct_colors
from seglens.files import read_color, write_bytes
from seglens.types import IGNORE, ByteArray, ClassTable, ImageId, IntArray, SeglensError

LABELS = "labelmap.txt"
LIST = "ImageSets/Segmentation/default.txt"
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
BLACK = (0, 0, 0)
COLOR = re.compile(r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")


def palette(classes: ClassTable) -> IntArray:
    """(1 + C, 3) colours, black for unlabelled pixels first. A colour that is taken already gives way to a free one."""
    free = iter(distinct_colors(2 * len(classes) + 2))
    colors = [BLACK]
    for color in classes.colors:
        while color in colors:
            color = next(free)
        colors.append(color)
    return np.array(colors)


def object_palette() -> IntArray:
    """(256, 3) colours of objects 0 to 255 as Pascal VOC has them: the bits of the number, spread over the channels."""
    numbers = np.arange(256)
    bits = [[(numbers >> (3 * place + channel)) & 1 for place in range(3)] for channel in range(3)]
    return np.stack([sum(bit << (7 - place) for place, bit in enumerate(channel)) for channel in bits], axis=1)


def write(out: Path, masks: Masks, album: Album, pictures: Pictures) -> None:
    """``SegmentationClass``, ``SegmentationObject`` (each class of an image is one object), the list of images and
    ``labelmap.txt``; the pictures in ``JPEGImages``.

    Raises:
        SeglensError: a class name or an id that the text files cannot hold; nothing is written.
    """
    unlabelled = next(name for name in ("background", *UNLABELLED) if name not in album.classes.names)
    names = [unlabelled, *album.classes.names]
    for name in names:
        if ":" in name or name.startswith("#") or name != name.strip():
            raise SeglensError(f"segmentation-mask: class '{name}': {LABELS} cannot hold ':' or '#', or spaces around")
    colors = palette(album.classes)
    ids: list[ImageId] = []
    for id, mask in masks:
        if id.startswith("#") or id != id.strip():
            raise SeglensError(f"segmentation-mask: image '{id}': {LIST} cannot hold '#', or spaces around")
        index = np.where(mask == IGNORE, 0, mask + 1)
        write_bytes(out / CLASSES / f"{id}.png", png(index, colors))
        write_bytes(out / OBJECTS / f"{id}.png", png(index, object_palette()))
        pictures.put(out / "JPEGImages", id, id)
        ids.append(id)
    write_bytes(out / LIST, "".join(f"{id}\n" for id in ids).encode())
    lines = [f"{name}:{r},{g},{b}::\n" for name, (r, g, b) in zip(names, colors.tolist(), strict=True)]
    write_bytes(out / LABELS, ("# label:color_rgb:parts:actions\n" + "".join(lines)).encode())


def read(place: Path, album: Album) -> Masks:
    """The masks of ``SegmentationClass`` by the colours of ``labelmap.txt``.

    Args:
        place: the folder that holds both.
        album: the run's images.
    """
    root = the_folder(place)
    classes = _colors(root / LABELS)
    folder = root / CLASSES
    files = sorted(path for path in folder.rglob("*.png") if path.is_file())
    if not files:
        raise SeglensError(f"{folder}: no mask in it; looked for *.png")
    for path in files:
        id = album.find(path.relative_to(folder).as_posix(), str(path))
        yield id, _mask(path, id, classes, album)


def _mask(path: Path, id: ImageId, classes: dict[int, str], album: Album) -> ByteArray:
    def meaning(color: int) -> int:
        if color not in classes:
            if color == 0:
                return IGNORE
            rgb = (color % 256, color // 256 % 256, color // 65536)
            raise SeglensError(f"{path}: the colour {rgb} is not in {LABELS}")
        return album.index(classes[color], str(path))

    return translate(read_color(path, album.size(id)), meaning)


def _colors(path: Path) -> dict[int, str]:
    """The names in a ``labelmap.txt`` by their colours, R + 256 G + 65536 B."""
    found: dict[int, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        match = COLOR.fullmatch(rest.partition(":")[0])
        rgb = [int(value) for value in match.groups()] if match else []
        if not name.strip() or not rgb or max(rgb) > 255:
            raise SeglensError(f"{path}:{number}: expected NAME:R,G,B::, found '{line[:80]}'")
        color = rgb[0] + 256 * rgb[1] + 65536 * rgb[2]
        if color in found:
            raise SeglensError(f"{path}:{number}: '{name}' has the colour of '{found[color]}'; masks cannot tell them")
        found[color] = name.strip()
    if not found:
        raise SeglensError(f"{path}: no label in it")
    return found
