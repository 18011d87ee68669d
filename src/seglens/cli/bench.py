"""``seglens bench``: a benchmark from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from seglens.bench import FailedRuns, Results, load_bench, outlook, plain, result_files, run_bench
from seglens.bench.kinds import make_tables
from seglens.bench.table import to_markdown
from seglens.cli import console
from seglens.cli.board import Board
from seglens.cli.compare import compare
from seglens.cli.run import Json
from seglens.config import cores
from seglens.types import SeglensError


class FileFirst(TyperGroup):
    """Commands of which ``run`` may be left out: ``seglens bench FILE`` is ``seglens bench run FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` in front of what names no command."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


HELP = """Benchmarks: `seglens bench FILE` runs one, `seglens bench compare A B` compares two results."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    benches = typer.Typer(cls=FileFirst, help=HELP, no_args_is_help=True)
    benches.command("run")(bench)
    benches.command("compare")(compare)
    app.add_typer(benches, name="bench")


def bench(
    file: Annotated[Path, typer.Argument(help="The benchmark's YAML file.", show_default=False)],
    runs: Annotated[Path | None, typer.Option(help="Folder of the runs; default: the file's, or runs/NAME.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; default: docs/results.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one key of the file, paths as in it: base.data.root=FOLDER."),
    ] = None,
    keep: Annotated[
        list[Path] | None,
        typer.Option(
            help="Results whose runs count as done where their folders are gone and the config is the same; may be "
            "given again."
        ),
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
    if jobs > cores():
        raise SeglensError(f"--jobs: found {jobs}, allowed: 1 to {cores()}, the cores that this process may use")
    planned = load_bench(file, runs, set_ or (), keep or ())
    if dry_run:
        _show(outlook(planned, only or ()), json)
        return
    if out is None and planned.on_other_data:
        raise SeglensError(
            f"--out: needed where --set changes the data: docs/results is for {file.name} as it is; "
            "for example --out docs/results/cityscapes, and --runs runs/cityscapes"
        )
    out = out or Path("docs/results")
    made = planned.shown(only or ())
    failed: FailedRuns | None = None
    try:
        with Board(made, jobs) as board:
            results = run_bench(planned, out, only or (), board.of, jobs)
    except FailedRuns as error:
        failed, results = error, error.results
    _tell(results, out)
    if json:
        ended: dict[str, Any] = {"done": [run.folder.name for run in made if run.folder.name not in results.unfinished]}
        ended |= {"failed": failed.errors if failed else {}, "files": [str(f) for f in result_files(results, out)]}
        console.print_json(plain(results) | ended)
    if failed is not None:
        raise failed


def _tell(results: Results, out: Path) -> None:
    for table in make_tables(results):
        console.out.print(console.escape(to_markdown(table)))
    files = result_files(results, out)
    if files:
        console.out.print(f"results: {files[0]}{''.join(f', {file.name}' for file in files[1:])}")


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
