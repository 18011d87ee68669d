"""``audit``: answers that the model and similar answers doubt, most suspicious first, to look at again."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image, ImageDraw
from rich.table import Table
from scipy.ndimage import binary_dilation

from seglens.cli import console
from seglens.cli.people import MARGIN, OUTLINE
from seglens.cli.run import Json, RunFolder
from seglens.files import write_bytes
from seglens.functional.run_lengths import box, decode
from seglens.loop.audit import Audit, Auditor
from seglens.loop.doubted import keep
from seglens.types import ByteArray, ClassTable

CAPTION = 48
"""Height of the words under a picture, pixels."""
WIDE = 240
"""Least width of each of its three panels, pixels."""


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(audit)


def audit(
    folder: RunFolder,
    most: Annotated[int, typer.Option(min=1, help="How many to list, draw and keep for report and review.")] = 50,
    folds: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Judge each part of the images by a model that learnt from the others; 0 = no training, similar "
            "answers alone decide. Default: 3, or 0 in the finetune rhythm.",
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each: image, answer, what the model says.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Every answer as a line of JSON, most suspicious first.")] = None,
    json: Json = False,
) -> None:
    """List the answers that the model and similar answers doubt, most suspicious first."""
    with console.progress(folder.name) as report:
        auditor = Auditor(folder, report, folds)
        found = auditor.audit()
        classes = auditor.bench.data.classes
        rows = found.rows(classes.names)
        keep(folder, found, classes.names, most)
        if out is not None:
            write_bytes(out, "".join(json_text.dumps(row) + "\n" for row in rows).encode())
        if pictures is not None:
            _draw_all(auditor, found, rows[:most], pictures, classes)
    if json:
        console.print_json({"run": str(folder), "answers": len(rows), "folds": found.folds, "doubted": rows[:most]})
        return
    console.out.print(_table(folder, rows[:most], len(rows)))
    console.out.print(_how(found.folds))


def _how(folds: int) -> str:
    if folds:
        return f"judged by models that had not learnt from the image ({folds} parts), and by similar answers"
    return "judged by similar answers alone: the model shown has learnt these very answers"


def _table(folder: Path, rows: list[dict[str, Any]], answers: int) -> Table:
    table = Table(title=console.escape(f"{folder}: the {len(rows)} most suspicious of {answers} answers"))
    for name in ("", "query", "image", "said", "rather", "model says", "of it", "neighbours say", "of it", "suspicion"):
        table.add_column(name, justify="left" if name in ("query", "image", "said", "rather") else "right")
    for row in rows:
        table.add_row(
            str(row["rank"]),
            row["query"][:8],
            console.escape(row["image"]),
            " or ".join(row["said"]),
            row["instead"],
            row["model"],
            f"{row['confidence']:.0%}",
            row["neighbours"],
            f"{row['agreement']:.0%}",
            f"{row['suspicion']:.2f}",
        )
    return table


def _draw_all(auditor: Auditor, found: Audit, rows: list[dict[str, Any]], folder: Path, classes: ClassTable) -> None:
    for row, at in zip(rows, found.order, strict=False):
        auditor.report("drawing answers", row["rank"] - 1, len(rows))
        part = found.parts[int(at)]
        picture = _picture(
            auditor.bench.data.image(row["image"]),
            decode(part.region.runs, part.region.size),
            box(part.region.runs, part.region.size, MARGIN),
            part.classes[0],
            found.predictions[row["image"]],
            classes,
        )
        drawn = _captioned(picture, row)
        folder.mkdir(parents=True, exist_ok=True)
        drawn.save(folder / f"{row['rank']:04d}-{row['query']}.png")


def _picture(
    image: ByteArray, mask: Any, crop: list[int], said: int, prediction: ByteArray, classes: ClassTable
) -> ByteArray:
    """Three panels side by side: the region outlined in its surroundings, the answer, the prediction."""
    colors = np.array(classes.colors, np.uint8)
    height, width = mask.shape
    y = np.arange(height) * prediction.shape[0] // height
    x = np.arange(width) * prediction.shape[1] // width
    answered = image.copy()
    answered[mask] = image[mask] // 3 + colors[said] // 3 * 2
    predicted = image // 3 + colors[prediction[y[:, None], x]] // 3 * 2
    line = binary_dilation(mask) & ~mask
    top, left, bottom, right = crop
    panels = []
    for panel in (image.copy(), answered, predicted):
        panel[line] = OUTLINE
        panels.append(panel[top:bottom, left:right])
    return np.concatenate(panels, axis=1)


def _captioned(picture: ByteArray, row: dict[str, Any]) -> Image.Image:
    scale = max(1, -(-3 * WIDE // picture.shape[1]))
    drawn = Image.fromarray(picture).resize(
        (picture.shape[1] * scale, picture.shape[0] * scale), Image.Resampling.NEAREST
    )
    sheet = Image.new("RGB", (drawn.width, drawn.height + CAPTION), "white")
    sheet.paste(drawn, (0, 0))
    words = (
        f"{row['rank']}. said: {' or '.join(row['said'])}; rather: {row['instead']}",
        f"model: {row['model']}, {row['confidence']:.0%} for what was said",
        f"similar answers: {row['neighbours']}, {row['agreement']:.0%} for what was said",
    )
    ImageDraw.Draw(sheet).multiline_text((6, drawn.height + 2), "\n".join(words), fill="black", spacing=2)
    return sheet
