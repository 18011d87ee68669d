"""What people say on the real server becomes answers."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import studio
from runs import NAMES, blobs, images, make_run, question, tasks
from runs import annotate as finish
from sqlalchemy import select
from studio import Studio

from seglens.bridges.label_studio import LabelStudio, Place, Pulled, Shown, pull, push
from seglens.bridges.label_studio.labelling import VOID, Tool
from seglens.bridges.label_studio.masks import result_of
from seglens.bridges.label_studio.pull import Pulled as Found
from seglens.functional.run_lengths import decode
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.store.tables import RevisionRow
from seglens.types import IGNORE, AnswerKind, AnswerStatus, Cost, Provenance, Query, SeglensError

pytestmark = pytest.mark.label_studio
PREDICTED = blobs((16, 24), 9)


def look(query: Query) -> Shown:
    return Shown("why", PREDICTED)


class Asked:
    """A run with questions of one kind, pushed; ``task[i]`` is the task of question i."""

    def __init__(self, server: Studio, api: httpx.Client, folder: Path, kind: AnswerKind, tool: Tool, n: int) -> None:
        self.data: SegDataset = images(folder)
        self.server, self.api = server, api
        self.queries = [question(self.data, self.data.ids[i % 3], kind, i) for i in range(n)]
        self.repo: Repository = make_run(folder / "run", self.queries)
        with LabelStudio(server.url, studio.LEGACY) as client:
            place = Place(server.root, str(server.root))
            self.project = push(client, self.repo, "test", self.data, look, place, tool).projects[0]["id"]
        self.task = [task["id"] for task in tasks(api, self.project)]

    def pull(self) -> Pulled:
        with LabelStudio(self.server.url, studio.LEGACY) as client:
            return pull(client, self.repo, self.data.classes, look)

    def answers(self) -> dict[str, Any]:
        return {pair.query.id: pair.answer for pair in self.repo.answered()}


def drawn(label_map: np.ndarray, tool: Tool) -> list[dict[str, Any]]:
    """Every class of a (H, W) map as a result, void too."""
    names = {**dict(enumerate(NAMES)), IGNORE: VOID}
    return [result_of(label_map == c, names[c], tool, f"r{c}") for c in np.unique(label_map).tolist()]


def choice(name: str, *values: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": list(values)}}


@pytest.mark.parametrize("tool", Tool)
def test_masks_come_back_exactly(tool: Tool, server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    asked = Asked(server, api, tmp_path, AnswerKind.DENSE, tool, 3)
    for i, query in enumerate(asked.queries):
        truth = blobs(query.region.size, 20 + i)
        truth[5:9] = IGNORE
        finish(api, asked.task[i], drawn(truth, tool))
    assert asked.pull() == Found([asked.project], new=3, estimated=3)
    for i, query in enumerate(asked.queries):
        truth = blobs(query.region.size, 20 + i)
        truth[5:9] = IGNORE
        answer = asked.answers()[query.id]
        expected = truth[decode(query.region.runs, query.region.size)]
        assert np.array_equal(answer.dense, expected)
        assert answer.cost == Cost(11.0, float((expected != IGNORE).sum()), 12.25)
        assert (answer.annotator, answer.provenance) == (studio.EMAIL, Provenance.PERSON)
        assert answer.status is AnswerStatus.ANSWERED
    assert asked.pull() == Found([asked.project], known=3)
    assert len(asked.repo.answered()) == 3
    assert [event.data["new"] for event in asked.repo.events("label-studio-pull")] == [3]

    # one of them is edited there between two pulls: the newer holds, the older is kept as it stood
    query, before = asked.queries[1], asked.answers()[asked.queries[1].id]
    (annotation,) = api.get(f"/api/tasks/{asked.task[1]}/annotations/").raise_for_status().json()
    newer = np.roll(blobs(query.region.size, 21), 7, axis=1)
    change = {"result": drawn(newer, tool), "lead_time": 30.5}
    api.patch(f"/api/annotations/{annotation['id']}/", json=change).raise_for_status()
    assert asked.pull() == Found([asked.project], known=2, changed=1)
    answer = asked.answers()[query.id]
    assert np.array_equal(answer.dense, newer[decode(query.region.runs, query.region.size)])
    assert (answer.annotator, answer.provenance, answer.cost.seconds) == (studio.EMAIL, Provenance.PERSON, 30.5)
    with asked.repo.transaction() as session:
        (kept,) = session.scalars(select(RevisionRow))
        assert np.array_equal(np.frombuffer(zlib.decompress(kept.dense), np.uint8), before.dense)
        assert kept.seconds == 12.25
    assert asked.pull() == Found([asked.project], known=3)
    asked.repo.close()


def test_what_was_proposed_and_accepted_comes_back(server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    """As the page submits it: the prediction's own results, their origin told; over one of them a stroke."""
    asked = Asked(server, api, tmp_path, AnswerKind.MASK, Tool.BRUSH, 1)
    (query,) = asked.queries
    (prediction,) = tasks(api, asked.project)[0]["predictions"]
    results = [{**result, "origin": "prediction"} for result in prediction["result"]]
    stroke = np.zeros(query.region.size, bool)
    stroke[10:20, 10:30] = True
    results.append({**result_of(stroke, NAMES[2], Tool.BRUSH, "s"), "origin": "manual"})
    finish(api, asked.task[0], results, parent_prediction=prediction["id"])
    asked.pull()
    rows, columns = ((2 * np.arange(n) + 1) * m // (2 * n) for n, m in zip(query.region.size, (16, 24), strict=True))
    expected = np.where(stroke, 2, PREDICTED[rows[:, None], columns])[decode(query.region.runs, query.region.size)]
    assert np.array_equal(asked.answers()[query.id].dense, expected)
    asked.repo.close()


def test_every_ending_of_a_question(server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    asked = Asked(server, api, tmp_path, AnswerKind.CLASS_SET, Tool.BRUSH, 7)
    finish(api, asked.task[0], [choice("answer", "car", 'a "sign"')])
    finish(api, asked.task[1], [], was_cancelled=True)
    finish(api, asked.task[2], [choice("status", "not sure")])
    finish(api, asked.task[3], [choice("status", "no class fits")])
    finish(api, asked.task[4], [choice("answer", "road"), choice("status", "a class is missing here")])
    finish(api, asked.task[5], [])  # submitted without a word
    found = asked.pull()
    assert (found.new, found.open) == (5, 2)
    assert [(entry["task"], entry["why"]) for entry in found.refused] == [(asked.task[5], "submitted without a class")]
    answers = [asked.answers().get(query.id) for query in asked.queries]
    assert [answer and answer.status.value for answer in answers] == [
        "answered",
        "skipped",
        "unsure",
        "void",
        "missing-class",
        None,
        None,
    ]
    assert answers[0].classes == (1, 3)
    assert answers[0].cost == Cost(2.0, float(asked.queries[0].region.pixels), 12.25)
    assert answers[4].classes == (0,)
    # the refused one is answered after all, and the skipped one too: its newer ending holds
    finish(api, asked.task[5], [choice("answer", "road")])
    finish(api, asked.task[1], [choice("answer", "road")])
    again = asked.pull()
    assert (again.new, again.known, again.changed, again.superseded, again.open) == (1, 4, 1, 2, 1)
    assert asked.answers()[asked.queries[1].id].classes == (0,)
    asked.repo.close()


def test_what_does_not_fit_is_counted_and_the_rest_is_taken(server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    asked = Asked(server, api, tmp_path, AnswerKind.DENSE, Tool.BRUSH, 5)
    right = [drawn(blobs(query.region.size, 3), Tool.BRUSH) for query in asked.queries]
    finish(api, asked.task[0], right[0])
    finish(api, asked.task[1], right[0])  # of another image's size
    broken = {**right[2][0], "value": {**right[2][0]["value"], "rle": right[2][0]["value"]["rle"][:40]}}
    finish(api, asked.task[2], [broken])
    finish(api, asked.task[3], [{**right[3][0], "value": {**right[3][0]["value"], "brushlabels": ["lorry"]}}])
    stranger = {"seglens_run": "another", "seglens_query": asked.queries[4].id}
    shown = tasks(api, asked.project)[4]["data"]
    for data in ({**shown, **stranger}, {**shown, "seglens_query": "never asked"}):
        made = api.post("/api/tasks/", json={"project": asked.project, "data": data}).json()
        finish(api, made["id"], right[4])
    found = asked.pull()
    assert (found.new, found.foreign, found.open) == (1, 1, 4)
    whys = sorted(entry["why"] for entry in found.refused)
    told = ("drawn on an image of 37 x 53, this", "run-lengths: end after", "unknown class 'lorry'", "unknown query")
    for why, expected in zip(whys, told, strict=True):
        assert why.startswith(expected)
    asked.repo.close()


def test_two_people_and_second_thoughts(server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    asked = Asked(server, api, tmp_path, AnswerKind.DOMINANT_CLASS, Tool.BRUSH, 1)
    other = api.post("/api/users/", json={"email": f"ben-{asked.project}@example.org", "username": f"b{asked.project}"})
    other.raise_for_status()
    finish(api, asked.task[0], [choice("answer", "road")])
    finish(api, asked.task[0], [choice("answer", "car")])
    finish(api, asked.task[0], [choice("answer", "rider & bicycle")], completed_by=other.json()["id"])
    found = asked.pull()
    assert (found.new, found.superseded) == (2, 1)
    said = {pair.answer.annotator: pair.answer.classes for pair in asked.repo.answered()}
    assert said == {studio.EMAIL: (1,), other.json()["email"]: (2,)}
    asked.repo.close()


def test_points(server: Studio, api: httpx.Client, tmp_path: Path) -> None:
    asked = Asked(server, api, tmp_path, AnswerKind.POINT, Tool.BRUSH, 1)
    (query,) = asked.queries
    height, width = query.region.size
    y, x = np.argwhere(decode(query.region.runs, query.region.size))[40]
    value = {"x": (x + 0.5) * 100 / width, "y": (y + 0.5) * 100 / height, "width": 0.3, "keypointlabels": ["car"]}
    where = {"from_name": "answer", "to_name": "image", "original_width": width, "original_height": height}
    finish(api, asked.task[0], [{**where, "type": "keypointlabels", "value": value}])
    asked.pull()
    answer = asked.answers()[query.id]
    assert (answer.point, answer.classes, answer.cost.clicks) == ((y, x), (1,), 1.0)
    asked.repo.close()


def test_a_run_that_was_never_pushed(server: Studio, tmp_path: Path) -> None:
    data = images(tmp_path)
    repo = make_run(tmp_path / "run", [question(data, data.ids[0], AnswerKind.DENSE, 0)])
    with LabelStudio(server.url, studio.LEGACY) as client, pytest.raises(SeglensError, match="no project of this run"):
        pull(client, repo, data.classes, look)
    repo.close()
