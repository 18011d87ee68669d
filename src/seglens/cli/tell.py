"""``strategies``: what there is to choose from."""

from __future__ import annotations

from typing import Any

import typer

from seglens.acquisition.presets import describe_preset, load_preset, preset_names
from seglens.cli import console
from seglens.cli.run import Json
from seglens.config import Choices


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(strategies)


def strategies(json: Json = False) -> None:
    """List the presets with their choices."""
    found = {name: load_preset(name) for name in preset_names()}
    if json:
        console.print_json({"presets": found})
        return
    for name, choices in found.items():
        console.out.print(f"[bold]{name}[/]  {describe_preset(name)}")
        said = (f"{choice}: {_short(choices[choice])}" for choice in Choices.model_fields if choices.get(choice))
        console.out.print(f"    {', '.join(said)}")


def _short(choice: Any) -> str:
    if isinstance(choice, (list, tuple)):
        return " then ".join(_short(part) for part in choice)
    if isinstance(choice, dict):
        rest = " ".join(f"{key}={value}" for key, value in choice.items() if key != "name")
        return f"{choice['name']} {rest}".strip()
    return str(choice)
