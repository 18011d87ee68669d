"""The class tables that datasets come with, and those read from a ``classes.yaml``."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any

from seglens.config import read_yaml
from seglens.data.storage import Place
from seglens.types import IGNORE, ClassTable, SeglensError

CITYSCAPES = ClassTable(
    names=(
        "road",
        "sidewalk",
        "building",
        "wall",
        "fence",
        "pole",
        "traffic light",
        "traffic sign",
        "vegetation",
        "terrain",
        "sky",
        "person",
        "rider",
        "car",
        "truck",
        "bus",
        "train",
        "motorcycle",
        "bicycle",
    ),
    colors=(
        (128, 64, 128),
        (244, 35, 232),
        (70, 70, 70),
        (102, 102, 156),
        (190, 153, 153),
        (153, 153, 153),
        (250, 170, 30),
        (220, 220, 0),
        (107, 142, 35),
        (152, 251, 152),
        (70, 130, 180),
        (220, 20, 60),
        (255, 0, 0),
        (0, 0, 142),
        (0, 0, 70),
        (0, 60, 100),
        (0, 80, 100),
        (0, 0, 230),
        (119, 11, 32),
    ),
)
"""The 19 training classes of Cityscapes, in its order and colours."""

CAMVID = ClassTable(
    names=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    colors=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (0, 0, 192),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
)
"""The 11 classes of CamVid as SegNet groups them; 11 in its masks is void."""

NO_CLASSES = ClassTable((), ())
"""For images that come without any class list."""


@dataclass(frozen=True)
class ClassFile:
    """What a ``classes.yaml`` says: the table, and the mask values that mean void."""

    table: ClassTable
    ignore: tuple[int, ...] = ()


def distinct_colors(count: int) -> tuple[tuple[int, int, int], ...]:
    """``count`` 8-bit RGB colours that differ from one another: hues a golden angle apart, three brightnesses.

    Example:
        >>> len(set(distinct_colors(150)))
        150
    """
    turns = [(i * 0.618034 % 1.0, 0.55 + 0.2 * (i // 2 % 3), 0.95 - 0.2 * (i % 3)) for i in range(count)]
    rgb = [colorsys.hsv_to_rgb(*turn) for turn in turns]
    return tuple((round(r * 255), round(g * 255), round(b * 255)) for r, g, b in rgb)


def read_classes(path: Place) -> ClassFile:
    """Read a class file: ``names`` (list), ``colors`` (list of [r, g, b], optional), ``ignore`` (mask ids, optional).

    Raises:
        SeglensError: an unknown key, or a value of the wrong kind; names the file and key.
    """
    loaded = read_yaml(path)
    unknown = sorted(set(loaded) - {"names", "colors", "ignore"})
    if unknown:
        raise SeglensError(f"{path}: unknown key '{unknown[0]}'. Allowed: colors, ignore, names")
    names = _names(path, loaded.get("names"))
    colors = _colors(path, loaded.get("colors"), len(names))
    ignore = loaded.get("ignore") or []
    if not isinstance(ignore, list) or not all(_is_byte(value) for value in ignore):
        raise SeglensError(f"{path}: key 'ignore', found {ignore!r}: expected a list of mask ids, 0 to 255")
    return ClassFile(ClassTable(names, colors), tuple(ignore))


def _names(path: Place, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise SeglensError(f"{path}: key 'names', found {names!r}: expected a list of class names")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SeglensError(f"{path}: key 'names': '{twice[0]}' stands {names.count(twice[0])} times, once is allowed")
    if len(names) > IGNORE:
        raise SeglensError(f"{path}: key 'names': {len(names)} classes, at most {IGNORE} are allowed")
    return tuple(names)


def _colors(path: Place, colors: Any, count: int) -> tuple[tuple[int, int, int], ...]:
    if colors is None:
        return distinct_colors(count)
    triples = isinstance(colors, list) and all(
        isinstance(c, list) and len(c) == 3 and all(_is_byte(v) for v in c) for c in colors
    )
    if not triples or len(colors) != count:
        raise SeglensError(f"{path}: key 'colors': expected {count} lists [r, g, b] of 0 to 255, one a class")
    return tuple((c[0], c[1], c[2]) for c in colors)


def _is_byte(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255
