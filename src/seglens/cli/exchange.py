"""``export`` and ``import``: masks to other tools, and back as answers; ``export-model``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from seglens.bridges import FORMATS, Album, Beside, Imported, export_masks, format_named, import_masks, store
from seglens.cli import console
from seglens.cli.run import Json, RunFolder, model_file
from seglens.data import open_data
from seglens.loop import load_config
from seglens.models import export_onnx, load_checkpoint, load_image
from seglens.store import LabelFiles, Repository
from seglens.training import predict
from seglens.types import IGNORE, ByteArray, ImageId, Query, SeglensError

FormatName = Annotated[str, typer.Argument(metavar="FORMAT", help=", ".join(FORMATS), show_default=False)]
MaskOf = Callable[[ImageId], ByteArray]
NAMED = 5
CHECKED = 4
"""Images on which an exported model is compared with the run's."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(export)
    app.command("import")(import_)
    app.command("export-model")(export_model)


def export(
    folder: RunFolder,
    format: FormatName,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Empty, or not there yet.", show_default=False)],
    predictions: Annotated[
        bool, typer.Option("--predictions", help="What the latest model says of every image.")
    ] = False,
    asked: Annotated[
        bool, typer.Option("--asked", help="Only images with an open question, also those without a label yet.")
    ] = False,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Whether the pictures lie beside.")] = True,
    link: Annotated[bool, typer.Option("--link", help="Link pictures that are files instead of copying them.")] = False,
    json: Json = False,
) -> None:
    """Write a run's labels, or its model's predictions, as other tools' files."""
    format_named(format)
    if link and not images:
        raise SeglensError("--link and --no-images exclude each other: give one of them")
    album = Album(open_data(load_config(folder).data))
    ids, mask_of = _source(folder, album, predictions, asked)
    beside = Beside.NONE if not images else Beside.LINK if link else Beside.COPY
    labelled = 0

    def counted(id: ImageId) -> ByteArray:
        nonlocal labelled
        mask = mask_of(id)
        labelled += int((mask != IGNORE).sum())
        return mask

    with console.progress() as report:
        export_masks(out, format, album, ids, counted, beside, lambda d, t: report("exporting", d, t))
    told = {
        "run": str(folder),
        "format": format,
        "out": str(out),
        "what": "predictions" if predictions else "labels",
        "images": len(ids),
        "labelled_pixels": labelled,
        "pictures": beside.value,
        "classes": list(album.classes.names),
    }
    if json:
        console.print_json(told)
        return
    console.out.print(f"{told['what']} of {len(ids)} images in {out}: {FORMATS[format].what}")


def export_model(
    folder: RunFolder,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, .onnx.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a run's latest model as ONNX, checked against PyTorch with onnxruntime on images of the run."""
    if out.suffix != ".onnx":
        raise SeglensError(f"{out}: the file's name has to end in .onnx")
    if out.exists() and not force:
        raise SeglensError(f"{out}: it is there already; --force writes over it")
    net = load_checkpoint(model_file(folder, None))
    data = open_data(load_config(folder).data)
    images = torch.stack([load_image(data, id, net.config.size) for id in data.ids[:CHECKED]])
    found = export_onnx(net, out, images)
    if json:
        console.print_json({"run": str(folder), "out": str(out), **asdict(found)})
        return
    console.out.print(
        f"{out}: {found.bytes / 2**20:.1f} MiB; on {found.images} images logits differ from PyTorch's by at most "
        f"{found.difference:.1e}, the class is the same in {found.same_class:.3%} of the pixels"
    )


def _source(folder: Path, album: Album, predictions: bool, asked: bool) -> tuple[Sequence[ImageId], MaskOf]:
    """The images to write, in the data's order, and what gives their masks."""
    files = LabelFiles(folder)
    labelled = set(files.ids())
    wanted = labelled
    if asked:
        wanted = {query.image for query in _open_queries(folder)}
    elif predictions:
        wanted = set(album.data.ids)
    if not wanted:
        raise SeglensError(f"{folder}: no image {'has an open question' if asked else 'is labelled yet'}")
    if predictions:
        net = load_checkpoint(model_file(folder, None)).eval()

    def mask_of(id: ImageId) -> ByteArray:
        if predictions:
            return predict(net, album.data.image(id))
        return files.read(id).label if id in labelled else np.full(album.size(id), IGNORE, np.uint8)

    return [id for id in album.data.ids if id in wanted], mask_of


def _open_queries(folder: Path) -> list[Query]:
    repo = Repository.of_run(folder)
    try:
        return repo.open_queries(purpose=None)
    finally:
        repo.close()


def import_(
    folder: RunFolder,
    format: FormatName,
    place: Annotated[
        Path, typer.Argument(metavar="FILE-OR-FOLDER", help="The masks, or a zip file of them.", show_default=False)
    ],
    annotator: Annotated[str, typer.Option(help="Who drew the masks.")] = "import",
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of a question's pixels that has to be labelled.")
    ] = 0.9,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be answered, store nothing.")] = False,
    json: Json = False,
) -> None:
    """Answer a run's open questions from masks that another tool has written."""
    format_named(format)
    album = Album(open_data(load_config(folder).data))
    repo = Repository.of_run(folder)
    try:
        queries = repo.open_queries(purpose=None)
        with console.progress() as report:
            found = import_masks(place, format, album, queries, annotator, share, lambda d, t: report("reading", d, t))
        new = 0 if dry_run else store(repo, found, format, place, annotator)
        told = _told(found) | {
            "run": str(folder),
            "format": format,
            "from": str(place),
            "annotator": annotator,
            "dry_run": dry_run,
            "stored": new,
            "open": len(repo.open_queries(purpose=None)),
        }
    finally:
        repo.close()
    if json:
        console.print_json(told)
        return
    for line in _lines(told):
        console.out.print(console.escape(line))


def _told(found: Imported) -> dict[str, Any]:
    return {
        "images": len(found.images),
        "answers": len(found.answers),
        "kinds": dict(found.found.kinds),
        "left": dict(found.found.left),
        "without_question": found.without_question,
        "notes": found.notes,
    }


def _lines(told: dict[str, Any]) -> list[str]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in told["kinds"].items()) or "none"
    verb = "would be answered" if told["dry_run"] else "answered"
    lines = [f"{told['images']} masks read: {told['answers']} questions {verb} ({kinds}), {told['open']} open"]
    for reason, count in told["left"].items():
        why = "too little of the region is labelled" if reason == "unlabelled" else f"a mask answers no {reason}"
        lines.append(f"left open: {count}, {why}")
    none = told["without_question"]
    if none:
        more = f" and {len(none) - NAMED} more" if len(none) > NAMED else ""
        lines.append(f"without an open question: {', '.join(none[:NAMED])}{more}")
    return lines + [f"{what} ({count})" for what, count in told["notes"].items()]
