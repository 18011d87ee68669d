"""``seglens bench``: a benchmark from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from seglens.bench import load_bench, outlook, plain, run_bench
from seglens.bench.kinds import make_tables
from seglens.bench.table import to_markdown
from seglens.cli import console
from seglens.cli.run import Json
from seglens.types import SeglensError


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(bench)


def bench(
    file: Annotated[Path, typer.Argument(help="The benchmark's YAML file.", show_default=False)],
    runs: Annotated[Path | None, typer.Option(help="Folder of the runs; default: the file's, or runs/NAME.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: docs/results.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one key of the file, paths as in it: base.data.root=FOLDER."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run this row alone; may be given again.")] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Runs at a time, each in a process of its own with its share of the cores.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the grid and the trainings left, run nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Run presets x seeds x rounds, paired and resumable, and write tables and curves at equal cost."""
    planned = load_bench(file, runs, set_ or ())
    if dry_run:
        _show(outlook(planned.of_rows(only or ())), json)
        return
    if out is None and planned.on_other_data:
        raise SeglensError(
            f"--out: needed where --set changes the data: docs/results is for {file.name} as it is; "
            "for example --out docs/results/cityscapes, and --runs runs/cityscapes"
        )
    out = out or Path("docs/results")
    results = run_bench(planned, out, only or (), console.progress, jobs)
    for table in make_tables(results):
        console.out.print(console.escape(to_markdown(table)))
    console.out.print(f"results: {out / planned.name}.json, .md, .tex, .csv, .svg")
    if json:
        console.print_json(plain(results))


def _show(found: dict[str, Any], json: bool) -> None:
    if json:
        console.print_json(found)
        return
    table = Table("row", "preset", "seeds", "trainings", "left")
    for row in dict.fromkeys(run["row"] for run in found["runs"]):
        runs = [run for run in found["runs"] if run["row"] == row]
        seeds = " ".join(str(run["seed"]) for run in runs)
        trainings, done = sum(run["rounds"] for run in runs), sum(run["done"] for run in runs)
        table.add_row(row, runs[0]["preset"], seeds, str(trainings), str(trainings - done))
    console.out.print(table)
    console.out.print(f"{len(found['runs'])} runs; {found['trainings_left']} of {found['trainings']} trainings left")
