"""``run``, ``status``, ``report``, ``predict``, ``push`` and others: a run from its config to its model's use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from seglens.acquisition.presets import load_preset
from seglens.cli import console
from seglens.config import RunConfig, assign, read_yaml, resolve
from seglens.data import open_data
from seglens.files import encode_id, write_map
from seglens.loop import State, add_images, create, drive, load_config, model_path, pull, push
from seglens.loop import retrain as retrain_run
from seglens.models import load_checkpoint
from seglens.report import write_report
from seglens.store import Repository
from seglens.store.pool import Pool
from seglens.training import predict as predict_map
from seglens.types import ByteArray, Purpose, SeglensError

RunFolder = Annotated[Path, typer.Argument(help="The run's folder.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (run, retrain, status, dump, report, predict):
        app.command()(command)
    app.command("add-images")(take_up)
    app.command("push")(push_run)
    app.command("pull")(pull_run)


def make_config(file: Path | None, settings: list[str]) -> RunConfig:
    """A run's config from a YAML file, its preset and ``--set`` settings.

    Raises:
        SeglensError: an unknown key, preset or part, or a bad value.
    """
    values = assign(read_yaml(file) if file else {}, settings)
    return resolve(values, load_preset(values.get("preset", "default")), str(file or "--set"))


def run(
    folder: RunFolder,
    config: Annotated[Path | None, typer.Option(help="YAML file of the run; without it, the defaults.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key, for example train.steps=120.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for people's answers before stopping.")] = 0.0,
    json: Json = False,
) -> None:
    """Run the loop: score, ask, settle, train, evaluate, round after round."""
    if resume and (config or set_):
        raise SeglensError("--resume goes on with the run's own config: leave --config and --set away")
    if not resume:
        create(folder, make_config(config, set_ or []))
    with console.progress(folder.name) as report:
        outcome = drive(folder, report, wait)
    if outcome.state is State.AWAITING:
        console.err.print(
            f"{outcome.why}: `seglens questions {folder} FILE` writes them, "
            f"`seglens answer {folder} FILE` takes the answers; then go on with `--resume`"
        )
    _show(folder, json)


def retrain(
    folder: RunFolder,
    new: Annotated[Path, typer.Argument(help="The folder of the new run.", show_default=False)],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key of model or train, for example train.steps=900.")
    ] = None,
    json: Json = False,
) -> None:
    """Train anew on the labels of a finished run, by another recipe or network: `--set train.rhythm=finetune`."""
    values = load_config(folder).model_dump(mode="json", exclude_defaults=True)  # a rhythm has defaults of its own
    retrain_run(folder, new, resolve(assign(values, set_ or []), {}, "--set"))
    with console.progress(new.name) as report:
        drive(new, report)
    _show(new, json)


def status(folder: RunFolder, json: Json = False) -> None:
    """Show where a run stands."""
    _show(folder, json)


def _show(folder: Path, json: bool) -> None:
    found = summary(folder)
    if json:
        console.print_json(found)
        return
    table = Table(title=f"{folder}: {found['state']} ({found['why']})" if found["why"] else f"{folder}")
    for name in ("round", "next stage", "questions", "clicks", "pixels", "mIoU"):
        table.add_column(name, justify="left" if name == "next stage" else "right")
    audited = found.get("audit_set")
    if audited:
        table.add_column("on the audit set (95 %)", justify="right")
    for row in found["rounds"]:
        share = "" if row["pixel_share"] is None else f"{row['pixel_share']:.2%}"
        miou = "" if row["miou"] is None else f"{row['miou']:.3f}"
        clicks = "" if row["clicks"] is None else f"{row['clicks']:g}"
        cells = (str(row["round"]), row["stage"] or "done", str(row["queries"]), clicks, share, miou)
        table.add_row(*cells, *_interval(row))
    console.out.print(table)
    if "pool" in found:  # not in a run of an old version that nobody drove since
        console.out.print("images: " + ", ".join(f"{n} {status}" for status, n in found["pool"].items()))
    if audited:
        console.out.print(
            f"audit set: {audited['answered']} of {audited['images']} images labelled, {audited['clicks']:g} clicks "
            f"and {audited['seconds']:.0f} s of a person's time apart from the budget"
        )


def _interval(row: Mapping[str, Any]) -> list[str]:
    if "audit" not in row:
        return []
    audit = row["audit"]
    return [""] if audit is None else [f"{audit['miou']:.3f} ({audit['low']:.3f} to {audit['high']:.3f})"]


def summary(folder: Path) -> dict[str, Any]:
    """Where a run stands, as plain values."""
    config = load_config(folder)
    repo = Repository.of_run(folder)
    try:
        figures = {(m.round, m.name, m.truth): m.value for m in repo.metrics() if m.class_index == -1}
        rounds: list[dict[str, Any]] = [
            {
                "round": r.number,
                "stage": r.stage.value if r.stage else None,
                "queries": len(repo.queries(r.number)),
                "clicks": figures.get((r.number, "clicks", "")),
                "pixels": figures.get((r.number, "pixels", "")),
                "pixel_share": figures.get((r.number, "pixel_share", "")),
                "miou": figures.get((r.number, "miou", "native")),
                "miou_at_model_size": figures.get((r.number, "miou", "model")),
            }
            for r in repo.rounds()
        ]
        pool = Pool(repo)
        audit = _audit_set(repo, config)
        if audit is not None:
            for row in rounds:
                row["audit"] = _on_audit_set(figures, row["round"])
        return {
            "run": str(folder),
            "preset": config.preset,
            "state": repo.meta("state"),
            "why": repo.meta("why") or "",
            "waiting": len(repo.open_queries()),
            "rounds": rounds,
            **({"pool": {status.value: n for status, n in pool.counts().items()}} if len(pool) else {}),
            **({"audit_set": audit} if audit is not None else {}),
        }
    finally:
        repo.close()


def _on_audit_set(figures: Mapping[tuple[int, str, str], float | None], round: int) -> dict[str, float | None] | None:
    """mIoU of a round's model on the audit set, with its 95 % interval; None where it was not measured."""
    miou, low, high = (figures.get((round, f"audit_miou{end}", "native")) for end in ("", "_low", "_high"))
    if miou is None:
        return None
    return {"miou": miou, "low": low, "high": high, "images": figures.get((round, "audit_images", ""))}


def _audit_set(repo: Repository, config: RunConfig) -> dict[str, Any] | None:
    """The audit set's questions and what their answers have cost; None where there is none."""
    if not config.audit_set.images:
        return None
    cost = repo.spent(purpose=Purpose.AUDIT)
    waiting = len(repo.open_queries(Purpose.AUDIT))
    answered = len(repo.queries(purpose=Purpose.AUDIT)) - waiting
    costs = {"clicks": cost.clicks, "pixels": cost.pixels, "seconds": cost.seconds}
    return {"images": config.audit_set.images, "answered": answered, "waiting": waiting, **costs}


def dump(folder: RunFolder) -> None:
    """Print queries, answers and metrics as JSON lines, times left out: equal runs print equal text."""
    repo = Repository.of_run(folder)
    try:
        console.out.file.write(repo.dump())
    finally:
        repo.close()


def report(
    folders: Annotated[list[Path], typer.Argument(help="The run, and others to draw beside it.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The file to write; default: report.html in the run.")] = None,
) -> None:
    """Write a run's report: one self-contained HTML file."""
    console.out.print(str(write_report(folders, out)))


def predict(
    images: Annotated[str, typer.Argument(help="A folder of images, or its URL.", show_default=False)],
    run: Annotated[Path | None, typer.Option(help="The run whose latest model is used.")] = None,
    model: Annotated[Path | None, typer.Option(help="A checkpoint file, instead of a run.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the masks (class index) and their colour pictures.")] = Path(
        "predictions"
    ),
) -> None:
    """Label a folder of images with a run's model."""
    net = load_checkpoint(model_file(run, model)).eval()
    data = open_data(_folder_part(images))
    colors = np.array([*net.classes.colors, *[(0, 0, 0)] * (256 - len(net.classes))], np.uint8)
    with console.progress() as report:
        for done, id in enumerate(data.ids):
            report("predicting", done, len(data.ids))
            picture = data.image(id)
            mask = predict_map(net, picture)
            write_map(out / "masks" / f"{encode_id(id)}.png", mask)
            write_map(out / "pictures" / f"{encode_id(id)}.png", _blend(picture, colors[mask]))
    console.out.print(f"{len(data.ids)} masks in {out / 'masks'}, pictures in {out / 'pictures'}")


def _blend(picture: ByteArray, colored: ByteArray) -> ByteArray:
    return ((picture.astype(np.uint16) + colored) // 2).astype(np.uint8)


def _folder_part(images: str) -> Any:
    from seglens.config import PartConfig

    return PartConfig.model_validate({"name": "folder", "images": images})


def take_up(folder: RunFolder) -> None:
    """Take up images that were added to the run's data; the next round chooses among them too."""
    new = add_images(folder)
    console.out.print(f"{new} new images in {folder}" if new else f"{folder}: no image is new")


def push_run(
    folder: RunFolder,
    url: Annotated[str, typer.Argument(help="Where to: s3://bucket/runs/first, or a folder.", show_default=False)],
) -> None:
    """Copy a run to object storage, what is new of it; again and again, also while it is driven."""
    with console.progress(folder.name) as report:
        sent = push(folder, url, report)
    console.out.print(f"{url} holds {folder} as it is now ({sent} files sent)")


def pull_run(
    url: Annotated[str, typer.Argument(help="Where the run was pushed to.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="Empty, or not there yet.", show_default=False)],
) -> None:
    """Bring a run that was pushed; go on with it by `seglens run FOLDER --resume`."""
    with console.progress(folder.name) as report:
        files = pull(url, folder, report)
    console.out.print(f"{files} files in {folder}")


def model_file(run: Path | None, model: Path | None) -> Path:
    """The checkpoint that is meant: a run's latest, or the file given.

    Raises:
        SeglensError: both or none are given, or the run has no model yet.
    """
    if (run is None) == (model is None):
        raise SeglensError("give either --run or --model")
    if model is not None:
        return model
    assert run is not None
    trained = sorted((run / "rounds").glob("*/model.pt"))
    if not trained:
        raise SeglensError(f"{run}: no trained model in it yet")
    return model_path(run, int(trained[-1].parent.name))
