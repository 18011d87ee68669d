"""A run's projects on a server: one for each kind of answer, found again by a line in their description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seglens.bridges.label_studio.client import LabelStudio
from seglens.bridges.label_studio.labelling import Control, controls
from seglens.types import AnswerKind, SeglensError


@dataclass(frozen=True)
class Project:
    """A project on the server; ``kind`` is what its tasks ask for."""

    id: int
    title: str
    kind: AnswerKind
    controls: dict[str, Control]


def marker(run: str, kind: AnswerKind) -> str:
    """The line of a project's description that it is found by."""
    return f"seglens run {run} ({kind.value})"


def find(server: LabelStudio, run: str) -> dict[AnswerKind, Project]:
    """The run's projects, by kind.

    Raises:
        SeglensError: two of one kind; which one is meant cannot be told.
    """
    found: dict[AnswerKind, Project] = {}
    fields = {"include": "id,title,description,label_config"}
    for entry in server.pages("/api/projects/", "results", fields):
        for kind in AnswerKind:
            if marker(run, kind) not in (entry.get("description") or ""):
                continue
            if kind in found:
                raise SeglensError(
                    f"{server.url}: projects {found[kind].id} and {entry['id']} both say '{marker(run, kind)}' in "
                    "their description: delete that line from one of them"
                )
            found[kind] = Project(entry["id"], entry["title"], kind, controls(entry["label_config"]))
    return found


def create(server: LabelStudio, run: str, kind: AnswerKind, title: str, config: str, model: str) -> Project:
    """A new project: our order of questions, and predictions shown as the first draft of every answer."""
    values: dict[str, Any] = {
        "title": title[:50],
        "description": f"{marker(run, kind)}\nSeglens finds this project by the line above: leave it as it is.",
        "label_config": config,
        "sampling": "Uncertainty sampling",
        "show_collab_predictions": True,
        "model_version": model,
        "enable_empty_annotation": True,
    }
    made = server.call("POST", "/api/projects/", json=values)
    return Project(made["id"], made["title"], kind, controls(config))


def allow_pictures(server: LabelStudio, project: Project, path: str) -> None:
    """Let the server show the pictures below ``path`` (as the server sees it) in a project; once is enough.

    Raises:
        SeglensError: the server shows no local files, or none from there.
    """
    known = server.call("GET", "/api/storages/localfiles/", project=project.id)
    if any((entry.get("path") or "").rstrip("/") == path.rstrip("/") for entry in known):
        return
    storage = {
        "project": project.id,
        "title": "Seglens: pictures of the questions",
        "path": path,
        "use_blob_urls": True,
        "regex_filter": "^$",  # so that a sync makes no tasks of the pictures
    }
    try:
        server.call("POST", "/api/storages/localfiles/", json=storage)
    except SeglensError as error:
        raise SeglensError(
            f"{error}\nStart Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder given as --document-root; where the server sees "
            "that folder under another path, give it as --server-root"
        ) from None
