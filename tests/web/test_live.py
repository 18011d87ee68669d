"""The live loop with a real server: people answer, rounds train in a process of their own, kills lose nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import until
from living import Server
from served import stored, whole
from tiny import tiny

from seglens.functional.run_lengths import decode
from seglens.loop import create, model_path
from seglens.store.lock import driver_of
from seglens.types import IGNORE


def answer_all(server: Server, round: int, said: dict[str, Any], classes: int = 5) -> int:
    """Answer every question of a round: drawn ones with stripes, others by number."""
    count = 0
    while True:
        response = server.post("/api/claim")
        if response.status_code == 204:
            return count
        question = response.json()
        assert question["round"] == round
        value = count % classes
        drawn = question["kind"] in ("dense", "mask")
        body = {"mask": whole(question, value)} if drawn else {"classes": [value]}
        body |= {"revision": 1, "seconds": 2.5, "clicks": 1, "edits": 1}
        done = server.post(f"/api/questions/{question['id']}/answer", body)
        assert done.status_code == 200, done.text
        said[question["id"]] = value
        count += 1


def test_rounds_train_while_the_server_is_killed_and_started_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train = {"rhythm": "interactive", "steps": 40, "batch": 4, "checkpoint_steps": 5}
    create(run, tiny(tmp_path, ask="human", rounds=2, train=train))
    said: dict[str, Any] = {}
    with Server(run) as server:
        until(lambda: server.status()["state"] == "awaiting", 120, "the first questions")
        assert answer_all(server, 0, said) == 12
        until(lambda: "train" in ((server.status()["working"] or {}).get("what") or ""), 120, "the training")
        driver = driver_of(run)
        assert driver
        server.kill()
        assert driver_of(run) == driver  # it trains on without the server
        server.start()
        status = until(lambda: (s := server.status())["round"] == 1 and s["state"] == "awaiting" and s, 120, "round 1")
        assert [point["round"] for point in status["curve"]] == [0]
        assert status["curve"][0]["miou"] > 0
        assert status["curve"][0]["clicks"] == 12
        layers = server.get("/api/run").json()["layers"]
        question = server.post("/api/claim").json()
        assert question["suggestion"]["classes"]
        for name in layers[1:]:
            found = server.get("/api/layer", params={"image": question["image"], "name": name})
            assert found.status_code == 200 or (found.status_code, name) == (404, "labels"), name
            assert found.status_code == 404 or found.headers["X-Seglens-Size"]
        assert server.get("/api/layer", params={"image": question["image"], "name": "entropy"}).status_code == 200
        answer_all(server, 1, said)
        status = until(lambda: (s := server.status())["state"] == "finished" and s, 180, "the end")
        assert [point["round"] for point in status["curve"]] == [0, 1]
        assert "Traceback" not in server.log.read_text()
        assert "<html" in server.get("/api/report").text
    assert {id: pair.answer.classes for id, pair in stored(run).items()} == {id: (v,) for id, v in said.items()}


def test_a_driver_that_fails_is_shown_and_begun_again(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, ask="human", rounds=1))
    with Server(run) as server:
        until(lambda: server.status()["state"] == "awaiting", 120, "the first questions")
        blocked = run / "rounds" / "000" / "training.pt"
        blocked.mkdir()  # no checkpoint can be written there
        said: dict[str, Any] = {}
        answer_all(server, 0, said)
        status = until(lambda: (s := server.status())["failed"] and s, 120, "the failure")
        assert server.post("/api/claim").status_code == 204
        blocked.rmdir()
        assert server.post("/api/round").status_code == 200
        until(lambda: server.status()["state"] == "finished", 120, "the end")
        assert server.status()["failed"] is None
        refused = server.post("/api/round")
        assert (refused.status_code, "finished" in refused.json()["error"]) == (409, True)
        assert status["questions"]["answered"] == 12
    assert len(stored(run)) == 12
    assert model_path(run, 0).is_file()


def asks(server: Server, round: int) -> bool:
    status = server.status()
    return (status["round"], status["state"]) == (round, "awaiting")


CPRAL = {
    "answer": "dense", "score": {"name": "vote-entropy", "passes": 2}, "pick": "top",
    "narrow": [{"name": "loss-prediction", "images": 4}], "companions": ["loss-head"],
    "cut": {"name": "gaussian-window", "height_fraction": 0.25, "kernel": "cumulative"}, "settle": "contextual",
    "model": {"name": "fpn", "size": [64, 96], "width": 32, "dropout": 0.2},
}  # fmt: skip
SEGXAL = {
    "answer": "mask", "score": {"name": "explainable-error", "pae": "input", "faded": True}, "depth": "ground",
    "narrow": [{"name": "random-subset", "fraction": 0.5}], "pick": {"name": "top", "by": "image", "rank": "sum"},
    "cut": {"name": "object", "segments": 24, "candidates": 5}, "settle": {"name": "dice-gate", "threshold": 0.8},
}  # fmt: skip


@pytest.mark.parametrize("system", [SEGXAL, CPRAL], ids=["segxal-manual", "cpral"])
def test_a_published_system_is_answered_through_the_api_to_its_end(tmp_path: Path, system: dict[str, Any]) -> None:
    run = tmp_path / "run"
    budget = {"unit": "image-equivalents", "initial": 2, "per_round": 0.5}
    create(run, tiny(tmp_path, ask="human", rounds=2, budget=budget, **system))
    said: dict[str, Any] = {}
    with Server(run) as server:
        for round in range(2):
            until(partial(asks, server, round), 180, "questions")
            if round:
                question = server.post("/api/claim").json()
                names = ["prediction", "entropy", "score", "candidates"]
                names += ["eem", "proximity"] if system is SEGXAL else []
                for name in names:
                    found = server.get("/api/layer", params={"image": question["image"], "name": name})
                    assert found.status_code == 200, (name, found.text)
                assert question["why"] != "first round: spread over images"
            assert answer_all(server, round, said) >= 1
        until(lambda: server.status()["state"] == "finished", 240, "the end")
        assert len(server.status()["curve"]) == 2
    assert model_path(run, 1).is_file()
    found = stored(run)
    assert {pair.query.round for pair in found.values()} == {0, 1}
    for id, value in said.items():
        region = found[id].query.region
        label = np.full(region.size, IGNORE, np.uint8)
        label[decode(region.runs, region.size)] = found[id].answer.dense
        np.testing.assert_array_equal(label, np.where(decode(region.runs, region.size), value, IGNORE))
