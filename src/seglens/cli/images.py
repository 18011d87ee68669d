"""``images``: images of a run's pool, the most doubtful first or some by chance, from its database."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from seglens.cli import console
from seglens.cli.run import Json, RunFolder
from seglens.loop import load_config
from seglens.store import Repository
from seglens.store.pool import Pool, Status
from seglens.types import Chance, SeglensError


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(images)


def images(
    folder: RunFolder,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many, those of the highest score when they were last scored; 20.")
    ] = None,
    random: Annotated[int | None, typer.Option(min=1, help="So many by chance instead; the same each time.")] = None,
    status: Annotated[Status | None, typer.Option(help="Of these alone.")] = None,
    sequence: Annotated[str | None, typer.Option(help="Of this sequence alone.")] = None,
    json: Json = False,
) -> None:
    """List images of a run's pool: those of the highest mean score, or some by chance."""
    if top is not None and random is not None:
        raise SeglensError("--top and --random: give one of them")
    seed = load_config(folder).seed
    repo = Repository.of_run(folder)
    try:
        pool = Pool(repo)
        if random is not None:
            found = pool.random(random, Chance((seed, "images")), status, sequence)
        else:
            found = pool.top(top or 20, status, sequence)
    finally:
        repo.close()
    if json:
        console.print_json({"run": str(folder), "images": [asdict(image) for image in found]})
        return
    if not found:
        console.out.print("no such image" + ("" if random is not None else " has a score yet; --random lists others"))
        return
    table = Table("image", "sequence", "size", "score")
    for image in found:
        score = "" if image.score is None else f"{image.score:.4f}"
        height, width = image.size
        table.add_row(console.escape(image.id), console.escape(image.sequence), f"{width}x{height}", score)
    console.out.print(table)
