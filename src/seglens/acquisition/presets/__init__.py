"""Presets: a system in about ten lines, a part for each choice."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from seglens.config import Choices, read_yaml
from seglens.types import SeglensError


def preset_names() -> list[str]:
    """Every preset that comes with the package: the default first, then by name."""
    names = [file.name.removesuffix(".yaml") for file in files(__name__).iterdir() if file.name.endswith(".yaml")]
    return sorted(names, key=lambda name: (name != "default", name))


def load_preset(name: str) -> dict[str, Any]:
    """The choices of a preset.

    Args:
        name: one of ``preset_names``, or the path of a YAML file.

    Returns:
        The choices it names, without its description.

    Raises:
        SeglensError: unknown, unreadable, or with a key that is no choice.
    """
    choices = {key: value for key, value in _read(name).items() if key != "description"}
    for key in choices:
        if key not in Choices.model_fields:
            allowed = ", ".join(["description", *Choices.model_fields])
            raise SeglensError(f"preset '{name}': unknown key '{key}'. Allowed: {allowed}")
    return choices


def describe_preset(name: str) -> str:
    """The description of a preset in a sentence; empty where it has none.

    Raises:
        SeglensError: unknown or unreadable.
    """
    return str(_read(name).get("description", "")).strip()


def _read(name: str) -> dict[str, Any]:
    if name in preset_names():
        return read_yaml(Path(str(files(__name__).joinpath(f"{name}.yaml"))))
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return read_yaml(Path(name))
    near = get_close_matches(name, preset_names(), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    allowed = ", ".join(preset_names())
    raise SeglensError(f"preset: unknown name '{name}'{hint} Allowed: {allowed}, or the path of a YAML file")
