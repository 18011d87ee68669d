"""``label-studio push`` and ``pull``: the questions of a run as tasks of Label Studio, and the answers back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from seglens.acquisition.reasons import words
from seglens.bridges import label_studio
from seglens.bridges.label_studio import LabelStudio, Place, Pulled, Shown
from seglens.bridges.label_studio.client import Unreachable
from seglens.bridges.label_studio.labelling import Tool
from seglens.cli import console
from seglens.cli.run import Json, RunFolder
from seglens.files import read_arrays
from seglens.loop import load_config
from seglens.loop.asking import maps_path
from seglens.loop.workbench import Workbench
from seglens.store import Repository
from seglens.types import ImageId, Query, SeglensError

app = typer.Typer(no_args_is_help=True, help="Ask a run's questions in Label Studio, and bring the answers back.")

Url = Annotated[str, typer.Option(help="Address of the server.", envvar="LABEL_STUDIO_URL")]
Token = Annotated[
    str,
    typer.Option(
        help="A legacy token or a personal access token; never printed or stored.",
        envvar="LABEL_STUDIO_API_KEY",
        show_default=False,
    ),
]
HERE = "http://localhost:8080"


def add_to(app_: typer.Typer) -> None:
    """Add these commands to the application."""
    app_.add_typer(app, name="label-studio")


@app.command()
def push(
    folder: RunFolder,
    document_root: Annotated[
        Path,
        typer.Option(
            help="Folder of the server's local files; pictures go into a folder of the run in it.",
            envvar="LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT",
            file_okay=False,
            exists=True,
            resolve_path=True,
            show_default=False,
        ),
    ],
    url: Url = HERE,
    token: Token = "",
    server_root: Annotated[
        str | None, typer.Option(help="The same folder as the server sees it, where that differs (a container).")
    ] = None,
    tool: Annotated[Tool, typer.Option(help="How pixels are drawn in a new project.")] = Tool.BRUSH,
    json: Json = False,
) -> None:
    """Make tasks of the open questions, with the model's prediction as a first draft; again makes none twice."""
    bench = Workbench(load_config(folder), folder)
    repo = Repository.of_run(folder)
    try:
        with LabelStudio(url, _given(token)) as server, console.progress() as report:
            place = Place(document_root, server_root or str(document_root))
            title = f"Seglens: {folder.resolve().name}"
            told = _telling(report, "making tasks")
            pushed = label_studio.push(server, repo, title, bench.data, _look(bench), place, tool, told)
    finally:
        repo.close()
    for project in pushed.projects:
        console.out.print(f"{project['kind']}: {console.escape(project['url'])}")
    console.out.print(f"{pushed.new} tasks made, {pushed.known} known already")
    if pushed.left:
        console.out.print(f"{pushed.left} questions cannot be asked there: they stay with Seglens")
    if json:
        console.print_json(asdict(pushed))


@app.command()
def pull(
    folder: RunFolder,
    url: Url = HERE,
    token: Token = "",
    watch: Annotated[
        float | None, typer.Option(min=1.0, help="Look again every so many seconds, until no question is open.")
    ] = None,
    json: Json = False,
) -> None:
    """Store what people answered; asking again stores nothing twice."""
    bench = Workbench(load_config(folder), folder)
    repo = Repository.of_run(folder)
    try:
        with LabelStudio(url, _given(token)) as server, console.progress() as report:
            told = _telling(report, "reading annotations")
            while True:
                pulled = _again(server, repo, bench, told, watch)
                if watch is None or (pulled is not None and not pulled.open):
                    break
                if pulled is not None and pulled.new:
                    _show(pulled)
                time.sleep(watch)
    finally:
        repo.close()
    assert pulled is not None
    _show(pulled)
    if json:
        console.print_json(asdict(pulled))


def _again(
    server: LabelStudio, repo: Repository, bench: Workbench, told: Callable[[int, int], None], watch: float | None
) -> Pulled | None:
    """One look; while watching, a server that does not answer is asked again later."""
    try:
        return label_studio.pull(server, repo, bench.data.classes, _look(bench), told)
    except Unreachable as error:
        if watch is None:
            raise
        console.err.print(f"{console.escape(str(error))} Trying again in {watch:g} s.")
        return None


def _show(pulled: Pulled) -> None:
    console.out.print(f"{pulled.new} answers stored, {pulled.known} known already, {pulled.open} open")
    if pulled.estimated:
        console.out.print(f"clicks of {pulled.estimated} drawn answers are estimates: Label Studio counts none")
    for count, what in (
        (pulled.changed, "changed there since they were stored: the newer answer holds, the older is kept beside it"),
        (pulled.decided, "changed there after a review had decided: the decision stays"),
        (pulled.superseded, "earlier annotations by the same person left out"),
        (pulled.foreign, "tasks of these projects are none of this run's"),
    ):
        if count:
            console.out.print(f"{count} {what}")
    for entry in pulled.refused:
        who = f"task {entry['task']}, annotation {entry['annotation']} by {entry['annotator']}"
        console.err.print(f"not taken: {console.escape(who)}: {console.escape(entry['why'])}")


def _given(token: str) -> str:
    if not token.strip():
        raise SeglensError("no token: give --token or set LABEL_STUDIO_API_KEY (Label Studio: Account & Settings)")
    return token


def _telling(report: Callable[[str, int, int], None], what: str) -> Callable[[int, int], None]:
    return lambda done, total: report(what, done, total)


def _look(bench: Workbench) -> Callable[[Query], Shown]:
    """What is shown of a question: its reason, and the maps kept when it was asked."""

    @lru_cache(maxsize=4)
    def maps(round: int, image: ImageId) -> dict[str, Any]:
        path = maps_path(bench, round, image)
        return read_arrays(path, only={"prediction", "score"}) if path.exists() else {}

    name = bench.config.score.name
    called = "Explainable error mask" if name == "explainable-error" else f"Score ({name})"

    def look(query: Query) -> Shown:
        found = maps(query.round, query.image)
        title = f"{called}: bright = look here first" if "score" in found else ""
        return Shown(words(query.reason), found.get("prediction"), found.get("score"), title)

    return look
