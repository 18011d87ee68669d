"""``explain``: what a model sees in an image, what it doubts, and where to look first."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from seglens.cli import console
from seglens.cli.run import Json
from seglens.files import encode_id, write_bytes
from seglens.loop import load_config
from seglens.report.explain import Explanation
from seglens.report.figure import draw
from seglens.report.lens import Lens, find_image, of_checkpoint, of_run
from seglens.types import ImageId, SeglensError


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(explain)


def explain(
    source: Annotated[Path, typer.Argument(help="A run's folder, or a checkpoint file.", show_default=False)],
    images: Annotated[list[str], typer.Argument(help="Ids of the run's images, or image files.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for a figure and a JSON file of each image.")] = Path(
        "explanations"
    ),
    round: Annotated[int | None, typer.Option("--round", help="Whose model; default: the run's latest.")] = None,
    depth: Annotated[str | None, typer.Option(help="Another depth source than the run's.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change score, cut or depth: score.layer=stride-4.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what a model sees in images, what it doubts, and where to look first: a figure and JSON for each."""
    lens = _opened(source, round, depth, set_ or [])
    chosen = [find_image(word, lens) for word in images]
    _refuse_equal([id for _, id in chosen])
    written = []
    with console.progress() as report:
        for done, (data, id) in enumerate(chosen):
            report("explaining", done, len(chosen))
            written.append(_write(lens.explain(data, id), out))
    for one in written:
        console.out.print(f"{one['image']}: {one['figure']}")
    if json:
        console.print_json({"explanations": written})


def _opened(source: Path, round: int | None, depth: str | None, settings: list[str]) -> Lens:
    if source.is_dir():
        return of_run(source, load_config(source), round, depth, settings)
    if round is not None:
        raise SeglensError(f"{source}: a checkpoint has no rounds; --round goes with a run's folder")
    return of_checkpoint(source, depth, settings)


def _refuse_equal(ids: list[ImageId]) -> None:
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise SeglensError(
            f"image '{twice[0]}': given twice, or two files of one name: one figure would hide the other"
        )


def _write(found: Explanation, out: Path) -> dict[str, Any]:
    """The figure and the file beside it; what the file holds, with both paths."""
    figure, beside = (out / f"{encode_id(found.image)}.{ending}" for ending in ("png", "json"))
    plain = found.plain()
    write_bytes(figure, draw(found))
    write_bytes(beside, (json_text.dumps(plain, indent=2, allow_nan=False) + "\n").encode())
    return {**plain, "figure": str(figure), "file": str(beside)}
