"""``questions`` and ``answer``: what a run asks people, and what they say."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from scipy.ndimage import binary_dilation

from seglens.acquisition.reasons import words
from seglens.cli import console
from seglens.cli.run import RunFolder
from seglens.data import open_data
from seglens.files import write_bytes
from seglens.functional.run_lengths import box, decode
from seglens.loop import load_config
from seglens.oracles.human import read_answers
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.store.desk import Desk
from seglens.types import Query

MARGIN = 40
"""Pixels of surroundings in a question's picture."""
OUTLINE = (255, 0, 255)
"""Colour of the line around a region: magenta, rare in the world."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(questions)
    app.command()(answer)


def questions(
    folder: RunFolder,
    file: Annotated[Path, typer.Argument(help="JSON lines to write, one an open question.", show_default=False)],
    pictures: Annotated[Path | None, typer.Option(help="Folder for a picture of each question.")] = None,
) -> None:
    """Write the open questions of a run, in the order asked: id, image, region, and why each is asked."""
    repo = Repository.of_run(folder)
    try:
        waiting = Desk(repo).waiting()  # as the page would ask them
    finally:
        repo.close()
    write_bytes(file, "".join(json_text.dumps(_question(query)) + "\n" for query in waiting).encode())
    if pictures is not None:
        data = open_data(load_config(folder).data)
        with console.progress() as report:
            for done, query in enumerate(waiting):
                report("drawing questions", done, len(waiting))
                _draw(query, data, pictures / f"{query.id}.png")
    console.out.print(f"{len(waiting)} open questions in {file}")


def _question(query: Query) -> dict[str, Any]:
    region = query.region
    return {
        "query": query.id,
        "round": query.round,
        "image": query.image,
        "kind": query.kind.value,
        "purpose": query.purpose.value,
        "why": words(query.reason),
        "size": list(region.size),
        "box": box(region.runs, region.size),
        "runs": region.runs.tolist(),
    }


def _draw(query: Query, data: SegDataset, path: Path) -> None:
    mask = decode(query.region.runs, query.region.size)
    marked = data.image(query.image).copy()
    marked[binary_dilation(mask) & ~mask] = OUTLINE
    top, left, bottom, right = box(query.region.runs, query.region.size, MARGIN)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(marked[top:bottom, left:right]).save(path)


def answer(
    folder: RunFolder,
    file: Annotated[Path, typer.Argument(help="JSON lines: query, classes or status, annotator, seconds.")],
) -> None:
    """Store people's answers to the questions of a run (`ask: human`)."""
    repo = Repository.of_run(folder)
    try:
        queries = {query.id: query for query in repo.queries(purpose=None)}
        answers = read_answers(file, queries, open_data(load_config(folder).data).classes)
        new = repo.add_answers(answers)
        left = len(repo.open_queries(purpose=None))
        console.out.print(f"{new} answers stored, {len(answers) - new} known already, {left} open")
    finally:
        repo.close()
