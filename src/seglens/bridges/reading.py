"""Other people's files, read with care: one clear error for whatever is damaged, and nothing huge is unpacked."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from seglens.bridges.album import refuse_paths
from seglens.types import IntArray, SeglensError, Size

T = TypeVar("T")

MAGIC = b"\x89PNG\r\n\x1a\n"
LARGEST = 2**30
"""Bytes of the largest text file that is read."""
INDEX_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B"})


def read_text(path: Path) -> str:
    """A text file.

    Raises:
        SeglensError: missing, larger than 1 GiB, or not UTF-8.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise SeglensError(f"{path}: {path.stat().st_size} bytes; at most {LARGEST} are read")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SeglensError(f"{path}: cannot be read ({error})") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        SeglensError: missing, damaged, or no object.
    """
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise SeglensError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SeglensError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def field(holder: Any, key: str, kind: type[T], where: str) -> T:
    """A key of a JSON object.

    Raises:
        SeglensError: no object, a missing key, or a value of another kind.
    """
    if not isinstance(holder, dict):
        raise SeglensError(f"{where}: expected a JSON object, found {type(holder).__name__}")
    if key not in holder:
        raise SeglensError(f"{where}: key '{key}' is missing")
    value = holder[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SeglensError(f"{where}: key '{key}': expected {kind.__name__}, found {type(value).__name__}")
    return value


def inside(folder: Path, name: Any, where: str) -> Path:
    """The file ``name`` below ``folder``.

    Raises:
        SeglensError: the name leads out of the folder, or is none.
    """
    refuse_paths(name, where)
    return folder / str(name)


def read_index(path: Path, size: Size) -> IntArray:
    """A PNG of numbers: one channel of 8 or 16 bits, or a palette's indices.

    Args:
        path: the file.
        size: (H, W) that it has to have; anything else is not even unpacked.

    Returns:
        (H, W) int32.

    Raises:
        SeglensError: missing, no PNG, damaged, of another size, or of colours.
    """
    pixels, mode = _png(path, size, None)
    if mode not in INDEX_MODES:
        raise SeglensError(f"{path}: a PNG of mode {mode}; allowed is one channel of class indices, or a palette")
    return pixels.astype(np.int32)


def read_color(path: Path, size: Size) -> IntArray:
    """A PNG of colours, or of a palette, as R + 256 G + 65536 B.

    Args:
        path: the file.
        size: (H, W) that it has to have; anything else is not even unpacked.

    Returns:
        (H, W) int32.

    Raises:
        SeglensError: missing, no PNG, damaged, or of another size.
    """
    rgb = _png(path, size, "RGB")[0].astype(np.int32)
    return rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]


def _png(path: Path, size: Size, mode: str | None) -> tuple[np.ndarray, str]:
    found = png_size(path)
    if found != size:
        raise SeglensError(f"{path}: the mask is {found[0]}x{found[1]}, its image {size[0]}x{size[1]} (height x width)")
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
            return np.array(image.convert(mode) if mode else image), image.mode
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise SeglensError(f"{path}: damaged PNG: {error}") from None


def png_size(path: Path) -> Size:
    """(H, W) from a PNG's first bytes; nothing is unpacked.

    Raises:
        SeglensError: missing, or no PNG.
    """
    if not path.is_file():
        raise SeglensError(f"{path}: no such file")
    try:
        with open(path, "rb") as file:
            head = file.read(24)
    except OSError as error:
        raise SeglensError(f"{path}: cannot be read ({error.strerror})") from None
    if len(head) < 24 or not head.startswith(MAGIC) or head[12:16] != b"IHDR":
        raise SeglensError(f"{path}: not a PNG")
    width, height = struct.unpack(">II", head[16:24])
    return height, width


def the_file(place: Path, *patterns: str) -> Path:
    """The one file of a folder that is meant.

    Args:
        place: the file itself, or a folder.
        patterns: where it may lie in the folder; the first that fits any file counts.

    Raises:
        SeglensError: nothing there, or several files.
    """
    if place.is_file():
        return place
    if not place.is_dir():
        raise SeglensError(f"{place}: no such file or folder")
    for pattern in patterns:
        found = sorted(path for path in place.glob(pattern) if path.is_file())
        if len(found) > 1:
            names = ", ".join(str(path.relative_to(place)) for path in found)
            raise SeglensError(f"{place}: several files may be meant ({names}): name one of them")
        if found:
            return found[0]
    raise SeglensError(f"{place}: nothing to read in it; looked for {', '.join(patterns)}")


def the_folder(place: Path, *names: str) -> Path:
    """The folder that is meant: the first of ``names`` inside ``place`` that is there, else ``place`` itself.

    Raises:
        SeglensError: ``place`` is no folder.
    """
    if not place.is_dir():
        raise SeglensError(f"{place}: no such folder")
    return next((place / name for name in names if (place / name).is_dir()), place)
