"""A run's open questions become tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seglens.bridges.label_studio import labelling
from seglens.bridges.label_studio.client import LabelStudio
from seglens.bridges.label_studio.labelling import Tool, label_config
from seglens.bridges.label_studio.pictures import Pictures
from seglens.bridges.label_studio.project import Project, allow_pictures, create, find
from seglens.bridges.label_studio.tasks import QUERY_KEY, RUN_KEY, Shown, proposal, task
from seglens.files import locked
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.types import AnswerKind, Query, SeglensError

BATCH = 20
"""Tasks sent at once: each may hold run-lengths of a whole image."""


@dataclass(frozen=True)
class Place:
    """Where pictures go: the server's document root as seen from here, and as the server sees it."""

    root: Path
    server_root: str


@dataclass
class Pushed:
    """What a push did. ``new`` tasks were made, ``known`` were there, ``left`` cannot be asked there (verdicts)."""

    projects: list[dict[str, Any]] = field(default_factory=list)
    new: int = 0
    known: int = 0
    left: int = 0


def push(
    server: LabelStudio,
    repo: Repository,
    title: str,
    data: SegDataset,
    look: Callable[[Query], Shown],
    place: Place,
    tool: Tool = Tool.BRUSH,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Pushed:
    """Make tasks of a run's open questions; one that is there already is left as it is.

    Args:
        server: the server.
        repo: the run's database.
        title: of new projects.
        data: the pool's images and classes.
        look: what a task shows of a question beside its image.
        place: where pictures go.
        tool: how pixels are drawn, in a new project.
        report: told (done, total) tasks.

    Raises:
        SeglensError: the server says no, shows no pictures from there, or its project cannot take the answers.
    """
    run = repo.run_id()
    folder = f"seglens-{run[:12]}"
    order = {query.id: number for number, query in enumerate(repo.queries(purpose=None))}
    waiting = repo.open_queries(purpose=None)
    done = Pushed(left=sum(query.kind not in labelling.KINDS for query in waiting))
    with locked(place.root / folder):  # two pushes at once would make every task twice
        found = find(server, run)
        for kind in labelling.KINDS:
            asked = [query for query in waiting if query.kind is kind]
            if not asked:
                continue
            model = f"seglens-{run[:12]}"
            project = found.get(kind) or create(server, run, kind, title, label_config(kind, data.classes, tool), model)
            drawing = _tool(project, kind, data.classes.names)
            allow_pictures(server, project, f"{place.server_root.rstrip('/')}/{folder}")
            there = _keys(server, project, run)
            fresh = [query for query in asked if query.id not in there]
            pictures = Pictures(place.root, folder)
            for start in range(0, len(fresh), BATCH):
                report(start, len(fresh))
                batch = []
                for query in fresh[start : start + BATCH]:
                    shown = look(query)
                    results = proposal(query, shown, data.classes, drawing)
                    _check(results, project, query)
                    image = data.image(query.image)
                    keys = {"run": run, "model": model}
                    batch.append(task(query, image, shown, results, order[query.id], pictures, keys))
                server.call("POST", f"/api/projects/{project.id}/import", json=batch)
            done.new, done.known = done.new + len(fresh), done.known + len(asked) - len(fresh)
            address = f"{server.url}/projects/{project.id}/data"
            done.projects.append({"id": project.id, "title": project.title, "kind": kind.value, "url": address})
    return done


def _tool(project: Project, kind: AnswerKind, classes: Sequence[str]) -> Tool:
    """How pixels are drawn in a project; checks that it can take the answers.

    Raises:
        SeglensError: its label config lacks the control, or a class.
    """
    control = project.controls.get(labelling.ANSWER)
    missing = [name for name in classes if control is None or name not in control.labels]
    if control is None or missing:
        what = f"class '{missing[0]}'" if control else f"control '{labelling.ANSWER}'"
        raise SeglensError(
            f"project {project.id} '{project.title}': its label config lacks {what}; add it there, or delete the "
            "project's line 'seglens run' from its description to get a new one"
        )
    tags = {tag.lower(): tool for tool, tag in labelling.TAGS.items()}
    if kind in labelling.DRAWN and control.type not in tags:
        raise SeglensError(
            f"project {project.id} '{project.title}': control '{labelling.ANSWER}' is '{control.type}', allowed: "
            f"{', '.join(labelling.TAGS.values())}"
        )
    return tags.get(control.type, Tool.BRUSH)


def _check(results: list[dict[str, Any]], project: Project, query: Query) -> None:
    for result in results:
        wrong = labelling.problem(result, project.controls, query.region.size)
        if wrong:
            raise SeglensError(f"project {project.id} '{project.title}': a prediction does not fit it: {wrong}")


def _keys(server: LabelStudio, project: Project, run: str) -> set[str]:
    """Questions of the run that are tasks of the project."""
    return {data[QUERY_KEY] for data in _data(server, project) if data.get(RUN_KEY) == run and QUERY_KEY in data}


def _data(server: LabelStudio, project: Project) -> Iterator[dict[str, Any]]:
    query = {"project": project.id, "include": "id,data", "resolve_uri": "false"}
    for entry in server.pages("/api/tasks/", "tasks", query, size=200):
        yield entry.get("data") or {}
