"""Finished annotations become answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seglens.bridges.label_studio.answers import Refused, read
from seglens.bridges.label_studio.client import LabelStudio
from seglens.bridges.label_studio.labelling import DRAWN
from seglens.bridges.label_studio.project import Project, find
from seglens.bridges.label_studio.tasks import QUERY_KEY, RUN_KEY, Shown, predicted
from seglens.store import Repository
from seglens.store.changes import take_changes
from seglens.types import Answer, ClassTable, Query, SeglensError

ANNOTATED = json.dumps(
    {
        "filters": {
            "conjunction": "or",
            "items": [
                {"filter": f"filter:tasks:{count}", "operator": "greater", "type": "Number", "value": 0}
                for count in ("total_annotations", "cancelled_annotations")
            ],
        }
    }
)
"""The server's filter for tasks that somebody finished or skipped."""


@dataclass
class Pulled:
    """What a pull found.

    ``new`` answers were stored, ``known`` were stored before. ``changed`` were stored before too, but say other things
    by now, and took the place of what was stored, which is kept as it stood; where a review had ``decided``, they did
    not. ``superseded`` are earlier annotations of one person to one task, ``foreign`` are tasks of other runs or
    of none. ``refused``: task, annotation, annotator and why, for each that is no answer. ``estimated``: new answers
    whose clicks are estimates. ``open``: questions without an answer.
    """

    projects: list[int] = field(default_factory=list)
    new: int = 0
    known: int = 0
    changed: int = 0
    decided: int = 0
    superseded: int = 0
    foreign: int = 0
    estimated: int = 0
    open: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)


def pull(
    server: LabelStudio,
    repo: Repository,
    classes: ClassTable,
    look: Callable[[Query], Shown],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Pulled:
    """Store what people said in the run's projects; asking again stores only what is new or was changed there.

    Args:
        server: the server.
        repo: the run's database.
        classes: of the run.
        look: what a task showed of a question: the prediction is needed to tell what a person changed.
        report: told (done, 0) tasks.

    Raises:
        SeglensError: the server says no, or has no project of this run; nothing is stored.
    """
    run = repo.run_id()
    projects = find(server, run)
    if not projects:
        raise SeglensError(f"{server.url}: no project of this run; `seglens label-studio push` makes it")
    queries = {query.id: query for query in repo.queries(purpose=None)}
    people = server.people()
    pulled = Pulled(projects=[project.id for project in projects.values()])
    answers: list[Answer] = []
    for project in projects.values():
        for done, task in enumerate(_tasks(server, project)):
            report(done, 0)
            data = task.get("data") or {}
            if data.get(RUN_KEY) != run:
                pulled.foreign += 1
                continue
            query = queries.get(str(data.get(QUERY_KEY)))
            latest = _latest(task.get("annotations") or [], people, pulled)
            for annotator, annotation in latest.items():
                try:
                    if query is None:
                        raise Refused(f"unknown query '{data.get(QUERY_KEY)}': this run never asked it")
                    answers.append(_read(annotation, query, project, classes, look, annotator))
                except Refused as why:
                    entry = {"task": task["id"], "annotation": annotation["id"], "annotator": annotator}
                    pulled.refused.append({**entry, "why": str(why)})
    _store(repo, answers, pulled)
    return pulled


def _tasks(server: LabelStudio, project: Project) -> Iterator[dict[str, Any]]:
    wanted = {"fields": "all", "resolve_uri": "false", "query": ANNOTATED}
    return server.pages("/api/tasks/", "tasks", {"project": project.id, **wanted})


def _latest(annotations: list[dict[str, Any]], people: Mapping[int, str], pulled: Pulled) -> dict[str, dict[str, Any]]:
    """Each person's annotation of a task: the last one that is not a skip, else the last."""
    found: dict[str, dict[str, Any]] = {}
    for annotation in sorted(annotations, key=_age):
        by = annotation.get("completed_by")
        by = by.get("email") or by.get("id") if isinstance(by, dict) else by
        annotator = by if isinstance(by, str) else people.get(by or 0, f"user {by}")
        pulled.superseded += annotator in found
        found[annotator] = annotation
    return found


def _age(annotation: Mapping[str, Any]) -> tuple[bool, str, int]:
    return not annotation.get("was_cancelled"), str(annotation.get("updated_at") or ""), int(annotation["id"])


def _read(
    annotation: dict[str, Any],
    query: Query,
    project: Project,
    classes: ClassTable,
    look: Callable[[Query], Shown],
    annotator: str,
) -> Answer:
    said = predicted(query, look(query)) if query.kind in DRAWN else None
    return read(annotation, query, project.controls, classes, said, annotator)


def _store(repo: Repository, answers: list[Answer], pulled: Pulled) -> None:
    found = take_changes(repo, answers)
    pulled.known, pulled.changed, pulled.decided = found.known, found.changed, found.decided
    pulled.new = repo.add_answers(found.fresh)
    pulled.known += len(found.fresh) - pulled.new  # another process was quicker
    pulled.estimated = sum(answer.dense is not None for answer in found.fresh)
    pulled.open = len(repo.open_queries(purpose=None))
    if pulled.new or pulled.changed:
        repo.log(
            "label-studio-pull",
            new=pulled.new,
            changed=pulled.changed,
            refused=len(pulled.refused),
            clicks_estimated=pulled.estimated,
        )
