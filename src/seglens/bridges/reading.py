"""Other people's files, read with care: one clear error for whatever is damaged, and nothing huge is unpacked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from seglens.bridges.album import refuse_paths
from seglens.types import SeglensError

T = TypeVar("T")

LARGEST = 2**30
"""Bytes of the largest text file that is read."""


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
