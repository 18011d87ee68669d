"""``seglens demo``: the main job on embedded data, against random superpixels at equal clicks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from seglens.acquisition.presets import load_preset
from seglens.cli import console
from seglens.cli.run import Json, summary
from seglens.config import RunConfig, resolve
from seglens.loop import create, drive
from seglens.report import write_report
from seglens.store.database import DATABASE
from seglens.types import SeglensError

FULL_MIOU = 0.413
"""Full supervision by the demo's recipe, mean of 3 seeds (docs/results/demo.json)."""
PRESETS = ("default", "random-superpixel")


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(demo)


def demo_config(preset: str, seed: int) -> RunConfig:
    """The demo's run: 150 streets images to ask about, 50 to measure on, rounds 0 to 3.

    Both presets train without their teacher, which would double the minutes that a demo may take.
    """
    values: dict[str, Any] = {
        "seed": seed,
        "preset": preset,
        "rounds": 4,
        "data": {"name": "streets", "split": "pool", "images": 150, "size": [128, 256]},
        "eval_data": {"name": "streets", "split": "eval", "images": 50, "size": [128, 256]},
        "model": {"name": "fpn", "size": [128, 256]},
        "train": {"rhythm": "interactive", "steps": 120, "batch": 16},
        "budget": {"unit": "clicks", "initial": 150, "per_round": 300},
        "companions": [],
        "full_miou": FULL_MIOU,
    }
    return resolve(values, load_preset(preset), "demo")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the runs and the report.")] = Path("seglens-demo"),
    seed: Annotated[int, typer.Option(help="Seed of everything drawn by chance.")] = 0,
    json: Json = False,
) -> None:
    """Run rounds 0 to 3 on generated street scenes, once with the default and once at random, and write the report."""
    folders = [out / preset for preset in PRESETS]
    for folder in folders:
        if folder.exists() and not (folder / DATABASE).exists() and any(folder.iterdir()):
            raise SeglensError(f"{folder}: exists and is no demo run; choose another --out")
        shutil.rmtree(folder, ignore_errors=True)
    for preset, folder in zip(PRESETS, folders, strict=True):
        create(folder, demo_config(preset, seed))
        with console.progress(preset) as report:
            drive(folder, report)
    page = write_report(folders, out / "report.html")
    found = {"presets": [_rounds(folder) for folder in folders], "report": str(page)}
    console.out.print(_table(found["presets"]))
    console.out.print(f"report: {page}")
    if json:
        console.print_json(found)


def _rounds(folder: Path) -> dict[str, Any]:
    found = summary(folder)
    kept = [{key: row[key] for key in ("clicks", "pixels", "miou")} for row in found["rounds"]]
    return {"name": found["preset"], "rounds": kept}


def _table(presets: Any) -> Table:
    table = Table("round", "clicks", *(f"mIoU {preset['name']}" for preset in presets))
    for number, rows in enumerate(zip(*(preset["rounds"] for preset in presets), strict=True)):
        table.add_row(str(number), f"{rows[0]['clicks']:g}", *(f"{row['miou']:.3f}" for row in rows))
    return table
