"""Runs to compare, as they are named on a command line: results of a benchmark, one row of them, or a run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from seglens.bench.figures import RunFigures, read_figures
from seglens.loop import Workbench, load_config
from seglens.loop.machine import CONFIG
from seglens.types import SeglensError

ROWS = TypeAdapter(dict[str, tuple[RunFigures, ...]])


@dataclass(frozen=True)
class Source:
    """Rows of finished runs, and what they were measured on: class names and the number of images."""

    name: str
    rows: Mapping[str, tuple[RunFigures, ...]]
    classes: tuple[str, ...]
    eval_images: int


def read_source(text: str) -> Source:
    """Read what is to be compared.

    Args:
        text: ``FILE.json``, ``FILE.json:row`` or a run's folder.

    Raises:
        SeglensError: nothing of the kind is there.
    """
    path, row = Path(text), ""
    if not path.exists():
        path, row = _split(text)
    if (path / CONFIG).exists():
        return _of_run(path)
    found = _of_file(path)
    if not row:
        return found
    if row not in found.rows:
        raise SeglensError(f"{path}: no row '{row}'. Allowed: {', '.join(found.rows)}")
    return Source(text, {row: found.rows[row]}, found.classes, found.eval_images)


def _split(text: str) -> tuple[Path, str]:
    """File and row, at the first colon behind a file that is there: both may hold colons."""
    for place in (place for place, letter in enumerate(text) if letter == ":"):
        if Path(text[:place]).is_file():
            return Path(text[:place]), text[place + 1 :]
    return Path(text), ""


def _of_file(path: Path) -> Source:
    try:
        found = json.loads(path.read_text())
        return Source(
            str(path), ROWS.validate_python(found["rows"]), tuple(found["classes"]), int(found["eval_images"])
        )
    except FileNotFoundError:
        raise SeglensError(f"{path}: no such results, nor a run's folder") from None
    except (ValidationError, KeyError, TypeError, ValueError, IsADirectoryError):
        raise SeglensError(f"{path}: neither the JSON of `seglens bench` nor a run's folder") from None


def _of_run(folder: Path) -> Source:
    work = Workbench(load_config(folder), folder)
    if work.eval_data is None:
        raise SeglensError(f"{folder}: key 'eval_data': a run without it was never measured")
    return Source(str(folder), {folder.name: (read_figures(folder),)}, work.data.classes.names, len(work.eval_data.ids))
