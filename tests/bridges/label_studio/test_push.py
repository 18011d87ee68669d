"""A run's questions on the real server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import studio
from PIL import Image
from runs import COLOURS, NAMES, SIZES, blobs, images, make_run, question, tasks
from studio import Studio

from seglens.bridges.label_studio import LabelStudio, Place, Pushed, Shown, push
from seglens.bridges.label_studio.labelling import Tool
from seglens.bridges.label_studio.masks import mask_of
from seglens.functional.native import to_native
from seglens.functional.run_lengths import decode
from seglens.protocols import SegDataset
from seglens.store import Repository
from seglens.types import AnswerKind, Query, SeglensError

pytestmark = pytest.mark.label_studio
PREDICTED = blobs((16, 24), 9)
EEM = np.linspace(0, 1, 16 * 24).reshape(16, 24).astype(np.float16)


def look(query: Query) -> Shown:
    return Shown(f"reason of {query.id[-2:]}", PREDICTED, EEM, "Explainable error mask: bright = look here first")


def bare(query: Query) -> Shown:
    return Shown("first round")


def pushed(server: Studio, repo: Repository, data: SegDataset, tool: Tool = Tool.BRUSH, look: Any = look) -> Pushed:
    with LabelStudio(server.url, studio.LEGACY) as client:
        return push(client, repo, "Seglens: test", data, look, Place(server.root, str(server.root)), tool)


def seen(api: httpx.Client, address: str) -> np.ndarray:
    response = api.get(address)
    response.raise_for_status()
    assert response.headers["content-type"] == "image/png"
    return np.array(Image.open(io.BytesIO(response.content)))


@pytest.fixture
def data(tmp_path: Path) -> SegDataset:
    return images(tmp_path)


@pytest.mark.parametrize("tool", Tool)
def test_predictions_and_pictures_are_exact(
    tool: Tool, server: Studio, api: httpx.Client, data: SegDataset, tmp_path: Path
) -> None:
    asked = [question(data, image, AnswerKind.DENSE, i) for i, image in enumerate(data.ids)]
    asked.append(question(data, data.ids[1], AnswerKind.DENSE, 3, whole=True))
    repo = make_run(tmp_path / "run", asked)
    done = pushed(server, repo, data, tool)
    assert (done.new, done.known, done.left) == (4, 0, 0)
    (project,) = done.projects
    found = tasks(api, project["id"])
    assert [task["data"]["seglens_query"] for task in found] == [query.id for query in asked]
    assert {task["data"]["seglens_run"] for task in found} == {repo.run_id()}
    assert {query.region.size for query in asked} == set(SIZES)
    for query, task in zip(asked, found, strict=True):
        inside = decode(query.region.runs, query.region.size)
        (prediction,) = task["predictions"]
        painted = np.full(query.region.size, 255, np.uint8)
        for result in prediction["result"]:
            (label,) = result["value"][result["type"]]
            mask = mask_of(result, query.region.size)
            assert (painted[mask] == 255).all()
            painted[mask] = NAMES.index(label)
        expected = np.where(inside, to_native(PREDICTED, query.region.size), 255)
        assert np.array_equal(painted, expected)
        shown = seen(api, task["data"]["image"])
        image = data.image(query.image)
        assert np.array_equal(shown[inside], image[inside])
        assert np.array_equal(shown, image) == inside.all()  # else it is outlined
        assert seen(api, task["data"]["map"]).shape == (16, 24, 3)
        assert task["data"]["why"] == f"Why: reason of {query.id[-2:]}"
        assert task["data"]["map_about"].startswith("Explainable error mask")
    config = api.get(f"/api/projects/{project['id']}/").json()["label_config"]
    for colour in COLOURS:
        assert "#{:02x}{:02x}{:02x}".format(*colour) in config
    repo.close()


def test_pushing_again_makes_no_second_task(
    server: Studio, api: httpx.Client, personal: str, data: SegDataset, tmp_path: Path
) -> None:
    asked = [question(data, data.ids[i % 3], AnswerKind.DOMINANT_CLASS, i) for i in range(5)]
    repo = make_run(tmp_path / "run", asked[:3])
    first = pushed(server, repo, data)
    repo.begin_round(1, 100.0)
    repo.add_queries(asked)
    with LabelStudio(server.url, personal) as client:
        second = push(client, repo, "another title", data, look, Place(server.root, str(server.root)))
    assert (first.new, second.new, second.known) == (3, 2, 3)
    assert second.projects == first.projects
    there = [task["id"] for task in tasks(api, first.projects[0]["id"])]
    assert len(there) == 5
    with LabelStudio(server.url, personal) as client:
        for size in (1, 2, 5, 6):
            found = client.pages("/api/tasks/", "tasks", {"project": first.projects[0]["id"]}, size=size)
            assert sorted(task["id"] for task in found) == there
    assert len(api.get("/api/storages/localfiles/", params={"project": first.projects[0]["id"]}).json()) == 1
    # a deleted task is asked again, though the server may use its id for another
    api.delete(f"/api/tasks/{tasks(api, first.projects[0]['id'])[0]['id']}/").raise_for_status()
    third = pushed(server, repo, data)
    assert (third.new, third.known) == (1, 4)
    repo.close()


def test_two_runs_of_one_config_have_two_projects(server: Studio, data: SegDataset, tmp_path: Path) -> None:
    found = set()
    for name in ("one", "two"):
        repo = make_run(tmp_path / name, [question(data, data.ids[0], AnswerKind.CLASS_SET, 0)])
        found.add(pushed(server, repo, data).projects[0]["id"])
        repo.close()
    assert len(found) == 2


def test_the_server_asks_the_most_worthwhile_first(
    server: Studio, api: httpx.Client, data: SegDataset, tmp_path: Path
) -> None:
    """Tasks are made in another order than the run's."""
    asked = [question(data, data.ids[0], AnswerKind.DOMINANT_CLASS, i) for i in range(4)]
    repo = make_run(tmp_path / "run", asked)
    open_queries = repo.open_queries
    repo.open_queries = lambda purpose=None: open_queries(purpose)[::-1]  # type: ignore[method-assign]
    project = pushed(server, repo, data).projects[0]["id"]
    order = []
    for _ in asked:
        task = api.get(f"/api/projects/{project}/next").json()
        order.append(task["data"]["seglens_query"])
        result = {"from_name": "answer", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}
        api.post(f"/api/tasks/{task['id']}/annotations/", json={"result": [result]}).raise_for_status()
    assert order == [query.id for query in asked]
    repo.close()


def test_proposals_by_name(server: Studio, api: httpx.Client, data: SegDataset, tmp_path: Path) -> None:
    kinds = [AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET, AnswerKind.POINT, AnswerKind.VERDICT]
    asked = [question(data, data.ids[1], kind, i) for i, kind in enumerate(kinds)]
    repo = make_run(tmp_path / "run", asked)
    done = pushed(server, repo, data)
    assert (done.new, done.left) == (3, 1)
    assert [project["kind"] for project in done.projects] == ["dominant-class", "class-set", "point"]
    results = [tasks(api, project["id"])[0]["predictions"][0]["result"] for project in done.projects]
    assert results[0][0]["value"] == {"choices": ["car"]}  # as the reason says
    region = decode(asked[1].region.runs, asked[1].region.size)
    counts = np.bincount(to_native(PREDICTED, asked[1].region.size)[region], minlength=4)
    named = [NAMES[c] for c in np.argsort(-counts, kind="stable") if counts[c] >= 0.02 * counts.sum()]
    assert results[1][0]["value"] == {"choices": named}
    assert results[2] == []
    repo.close()


def test_before_there_is_a_model(server: Studio, api: httpx.Client, data: SegDataset, tmp_path: Path) -> None:
    repo = make_run(tmp_path / "run", [question(data, data.ids[0], AnswerKind.MASK, 0)])
    project = pushed(server, repo, data, look=bare).projects[0]["id"]
    (task,) = tasks(api, project)
    assert task["predictions"][0]["result"] == []
    assert task["data"]["map_about"] == "No map: there was no model yet"
    assert seen(api, task["data"]["map"]).std() == 0
    repo.close()


def test_pictures_that_the_server_may_not_show(server: Studio, data: SegDataset, tmp_path: Path) -> None:
    repo = make_run(tmp_path / "run", [question(data, data.ids[0], AnswerKind.MASK, 0)])
    with (
        LabelStudio(server.url, studio.LEGACY) as client,
        pytest.raises(SeglensError, match=r"must be a subdirectory of(.|\n)*--document-root(.|\n)*--server-root"),
    ):
        push(client, repo, "Seglens: test", data, look, Place(tmp_path, str(tmp_path)))
    assert pushed(server, repo, data).new == 1
    repo.close()


def test_a_project_that_lacks_a_class(server: Studio, api: httpx.Client, data: SegDataset, tmp_path: Path) -> None:
    asked = [question(data, data.ids[0], AnswerKind.DENSE, i) for i in range(2)]
    repo = make_run(tmp_path / "run", asked[:1])
    project = pushed(server, repo, data).projects[0]["id"]
    config = api.get(f"/api/projects/{project}/").json()["label_config"]
    lacking = config.replace('value="road"', 'value="street"')
    api.delete(f"/api/tasks/{tasks(api, project)[0]['id']}/").raise_for_status()
    api.patch(f"/api/projects/{project}/", json={"label_config": lacking}).raise_for_status()
    repo.add_queries(asked)
    with pytest.raises(SeglensError, match="its label config lacks class 'road'"):
        pushed(server, repo, data)
    repo.close()
