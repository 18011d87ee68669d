"""The labelling guide's example crops."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from fastapi.testclient import TestClient
from served import at, make_run, page

from seglens.functional.run_lengths import encode
from seglens.store import Repository
from seglens.store.people import People, Role
from seglens.types import Region, SeglensError
from seglens.web.examples import EXAMPLES, patches
from seglens.web.serving import serve


def say(client: TestClient, id: str, headers: dict[str, str] | None = None, **body: Any) -> None:
    done = client.post(f"/api/questions/{id}/answer", json={"revision": 1, **body}, headers=headers or {})
    assert done.status_code == 200, done.text


def crops(client: TestClient, headers: dict[str, str] | None = None) -> list[list[tuple[str, list[int]]]]:
    """Question and box of each class's examples; every crop is there."""
    found = []
    for line in client.get("/api/guide", headers=headers or {}).json():
        found.append([])
        for url in line["examples"]:
            assert client.get(url, headers=headers or {}).headers["content-type"] == "image/jpeg"
            query = parse_qs(urlsplit(url).query)
            found[-1].append((query["query"][0], [int(v) for v in query["box"][0].split(",")]))
    return found


def patch(top: int, left: int, bottom: int, right: int) -> list[list[int]]:
    mask = np.zeros((64, 96), bool)
    mask[top:bottom, left:right] = True
    return encode(mask).tolist()


@pytest.mark.parametrize("kind", ["dense", "mask"])
def test_the_largest_patch_of_each_class_of_a_drawn_answer(tmp_path: Path, kind: str) -> None:
    with page(make_run(tmp_path, kind)) as client:
        drawn = [[1, patch(0, 0, 3, 32)], [2, patch(4, 2, 12, 9) + patch(14, 20, 20, 26)], [3, patch(30, 0, 31, 9)]]
        say(client, "q00", mask={"runs_by_class": drawn})
        found = crops(client)
        assert found[1] == [("q00", [0, 0, 27, 56])]
        assert found[2] == [("q00", [0, 0, 36, 33])]  # rows 4 to 12, columns 2 to 9, and 24 pixels around
        assert [index for index, line in enumerate(found) if line] == [1, 2]  # 9 pixels of class 3 show nothing
        say(client, "q07", mask={"runs_by_class": [[2, patch(0, 32, 32, 64)]]})
        assert [box for _, box in crops(client)[2]] == [[0, 8, 56, 88], [0, 0, 36, 33]]


def test_a_patch_is_connected_and_lies_in_its_region() -> None:
    size = (40, 50)
    asked = np.zeros(size, bool)
    asked[5:35, 7:50] = True
    label = np.zeros(size, np.uint8)
    label[6:10, 8:20] = 4  # 48 pixels
    label[20:26, 30:38] = 4  # 48 and two more
    label[26, 30:32] = 4
    found = dict(patches(Region("a", size, encode(asked), "k", 0), label[asked], [1, 4]))
    assert found == {4: (0, 6, 40, 50)}
    wide = encode(np.pad(asked, ((0, 360), (0, 450))))
    assert dict(patches(Region("a", (400, 500), wide, "k", 0), label[asked], [4])) == {4: (0, 6, 51, 62)}


def test_the_latest_of_many_and_no_set_of_several_classes(tmp_path: Path) -> None:
    with page(make_run(tmp_path, "class-set")) as client:
        say(client, "q00", classes=[1, 2])
        for number in range(1, 9):
            say(client, f"q{number:02d}", classes=[1])
        say(client, "q10", status="unsure")
        found = crops(client)
        assert found[2] == []
        asked = [client.get(f"/api/questions/q{number:02d}").json() for number in range(8, 8 - EXAMPLES, -1)]
        assert [id for id, _ in found[1]] == [question["id"] for question in asked]
        assert [box[:2] for _, box in found[1]] == [
            [max(v - 24, 0) for v in question["region"]["box"][:2]] for question in asked
        ]
        say(client, "q01", classes=[1], revision=2)  # changed just now: the latest
        assert crops(client)[1][0] == ("q01", [0, 8, 56, 88])


def test_a_point_shows_its_surroundings(tmp_path: Path) -> None:
    with page(make_run(tmp_path, "point")) as client:
        say(client, "q00", classes=[3], point=[30, 31])
        assert [box for _, box in crops(client)[3]] == [[6, 7, 55, 56]]


def test_what_people_disagree_about_is_no_example(tmp_path: Path) -> None:
    run = make_run(tmp_path, ask={"name": "human", "overlap": 0.5})
    people = People(Repository.of_run(run))
    tokens = {}
    for name, role in {"ana": Role.ANNOTATOR, "ben": Role.ANNOTATOR, "rea": Role.REVIEWER}.items():
        people.add(name, role, f"{name}'s password")
        tokens[name] = at(name, people.token(name))
    people.repo.close()
    with sqlite3.connect(run / "seglens.db") as db:
        id = db.execute("select query_id from overlaps order by query_id").fetchone()[0]
    with page(run) as client:
        say(client, id, tokens["ana"], classes=[1])
        assert crops(client, tokens["ana"])[1] == []
        say(client, id, tokens["ben"], classes=[2])
        found = crops(client, tokens["ana"])
        assert (found[1], found[2]) == ([], [])
        client.post(f"/api/review/{id}", json={"annotator": "ben"}, headers=tokens["rea"])
        found = crops(client, tokens["ana"])
        assert (len(found[1]), len(found[2])) == (0, 1)


def test_a_broken_guide_is_told_at_the_start(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run / "guide.yaml").write_text("- road\n")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        with pytest.raises(SeglensError, match=r"guide\.yaml"):
            serve(run, listening, True, False, 60.0, None)
