"""``seglens data``: what is in a dataset, what superpixels make of it, and streets as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer

from seglens.cli import console
from seglens.cli.run import Json, make_config
from seglens.data import check as checking
from seglens.data import export, open_data, open_labels
from seglens.data.storage import place
from seglens.loop import Workbench
from seglens.registry import cuts
from seglens.superpixels import quality
from seglens.types import SeglensError

Name = TypeVar("Name", bound=str)

commands = typer.Typer(help="Look at a dataset.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="data")


@commands.command()
def check(
    root: Annotated[
        str, typer.Argument(help="A folder, its URL, or the word streets or textures.", show_default=False)
    ],
    layout: Annotated[str | None, typer.Option(help=f"{', '.join(checking.LAYOUTS)}; guessed without it.")] = None,
    json: Json = False,
) -> None:
    """Report counts, class frequencies, and every file that is missing, broken, of another size or with unknown ids."""
    part = checking.guess(place(root), layout)
    with console.progress() as report:
        found = checking.check(open_data(part), open_labels(part), lambda d, t: report("checking", d, t))
    if json:
        console.print_json(found)
    else:
        console.out.print(console.escape(checking.format(found)))
    if not found["ok"]:
        raise typer.Exit(1)


@commands.command()
def superpixels(
    config: Annotated[Path | None, typer.Option(help="YAML file of a run; without it, the defaults.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key, for example cut.segments=512.")
    ] = None,
    json: Json = False,
) -> None:
    """Report a run's superpixels: their mean count, the accuracy and the mIoU that dominant-class answers can reach.

    It reads the truth of the pool: for planning, never for acquisition.
    """
    resolved = make_config(config, set_ or [])
    bench = Workbench(resolved, Path())
    if resolved.cut.name != "superpixel":
        raise SeglensError(f"cut: found '{resolved.cut.name}'; this report is about 'superpixel'")
    cut = cuts.build(resolved.cut, bench.context)
    with console.progress() as report:
        cut.prepare(bench.pool, lambda d, t: report("superpixels", d, t))
        labels = open_labels(resolved.data)
        found = quality(cut.superpixels, bench.data, labels, bench.pool, lambda d, t: report("comparing", d, t))
    if json:
        console.print_json(found)
        return
    for name, value in found.items():
        console.out.print(f"{name}: {value}")


@commands.command()
def export_streets(
    out: Annotated[Path, typer.Argument(help="Folder to write; empty, or not there yet.", show_default=False)],
    images: Annotated[int, typer.Option(min=1, help="Images of each split.")] = 150,
    size: Annotated[tuple[int, int], typer.Option(help="Height and width, pixels.")] = (128, 256),
    split: Annotated[list[str] | None, typer.Option(help="train (without this) or val; repeat it for both.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the streets.")] = 0,
    layout: Annotated[str, typer.Option(help=", ".join(get_args(export.Layout)))] = "cityscapes",
    json: Json = False,
) -> None:
    """Write generated streets in the layout of Cityscapes (pictures, labelIds, disparity) or BDD100K."""
    splits = [_allowed("--split", name, get_args(export.Split)) for name in dict.fromkeys(split or ["train"])]
    kind = _allowed("--layout", layout, get_args(export.Layout))
    with console.progress() as report:
        written = export.export_streets(
            out, splits, images, size, seed, lambda d, t: report("drawing streets", d, t), kind
        )
    told: dict[str, Any] = {
        "out": str(out),
        "layout": kind,
        "images": len(written),
        "splits": splits,
        "size": list(size),
        "seed": seed,
    }
    if kind == "cityscapes":
        told["baseline_focal_metre_pixels"] = round(export.baseline_focal(size[1]), 6)
    if json:
        console.print_json(told)
        return
    for name, value in told.items():
        console.out.print(f"{name}: {value}")


def _allowed(option: str, given: str, names: tuple[Name, ...]) -> Name:
    for name in names:
        if name == given:
            return name
    raise SeglensError(f"{option}: found '{given}', allowed: {', '.join(names)}")
