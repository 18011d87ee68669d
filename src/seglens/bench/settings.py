"""Settings laid over settings, and paths as seen from the file they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglens.config import PartConfig, RunConfig

PARTS = frozenset(
    name for name, field in RunConfig.model_fields.items() if field.annotation in (PartConfig, PartConfig | None)
)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, key by key; a part of another name takes the whole place.

    Example:
        >>> merged({"budget": {"unit": "clicks", "initial": 5}, "cut": "grid"}, {"budget": {"initial": 9}})
        {'budget': {'unit': 'clicks', 'initial': 9}, 'cut': 'grid'}
        >>> merged({"cut": {"name": "superpixel", "segments": 9}}, {"cut": {"name": "grid"}})
        {'cut': {'name': 'grid'}}
    """
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if key in PARTS and isinstance(old, str):
            old = {"name": old}
        if not isinstance(value, Mapping) or not isinstance(old, Mapping) or _another_part(key, old, value):
            result[key] = value
        else:
            result[key] = _nested(old, value)
    return result


def _another_part(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return key in PARTS and "name" in new and new["name"] != old.get("name")


def _nested(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = _nested(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def below(folder: Path, path: Path | str) -> Path:
    """``path`` as seen from ``folder``, without the steps back up; an absolute path stays."""
    return (folder / path).resolve()
