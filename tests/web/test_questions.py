"""Questions through the API: claimed, drafted, answered, changed, given back."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from served import at, make_run, page, stored, whole

from seglens.store import Repository
from seglens.store.changes import take_changes
from seglens.store.tables import RevisionRow
from seglens.types import IGNORE, AnswerStatus, Provenance


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path)


def test_a_desk_keeps_its_question_and_no_other_gets_it(run: Path) -> None:
    with page(run) as client:
        first = client.post("/api/claim", json={}, headers=at("a")).json()
        assert (first["id"], first["kind"], first["position"], first["of"]) == ("q00", "dominant-class", 0, 18)
        assert first["region"]["box"] == [0, 0, 32, 32]
        assert first["suggestion"] == {"classes": [0, 2], "confidence": 0.5}
        assert client.post("/api/claim", json={}, headers=at("a")).json()["id"] == "q00"
        assert client.post("/api/claim", json={}, headers=at("b")).json()["id"] == "q01"
        refused = client.post("/api/claim", json={"query": "q00"}, headers=at("b"))
        assert refused.status_code == 409
        assert "another desk of yours" in refused.json()["error"]
        assert client.post("/api/claim", json={"after": "q00"}, headers=at("a")).json()["id"] == "q02"
        assert client.post("/api/claim", json={"query": "q00"}, headers=at("b")).json()["id"] == "q00"


def test_an_abandoned_question_returns(run: Path) -> None:
    with page(run, claim_seconds=0.2) as client:
        assert client.post("/api/claim", json={}, headers=at("a")).json()["id"] == "q00"
        threading.Event().wait(0.3)
        assert client.post("/api/claim", json={}, headers=at("b")).json()["id"] == "q00"
        late = client.put("/api/questions/q00/draft", json={"revision": 1}, headers=at("a"))
        assert late.status_code == 409
        assert client.post("/api/questions/q01/renew", json={}, headers=at("a")).json() == {"seconds_left": 0.2}


def test_many_desks_at_once_share_the_questions_out(run: Path) -> None:
    taken: list[str] = []
    with page(run) as client:

        def work(desk: str) -> None:
            for _ in range(3):
                question = client.post("/api/claim", json={}, headers=at(desk)).json()
                taken.append(question["id"])
                body = {"classes": [1], "revision": 1, "seconds": 1.5, "clicks": 1}
                done = client.post(f"/api/questions/{question['id']}/answer", json=body, headers=at(desk))
                assert done.status_code == 200, done.text

        threads = [threading.Thread(target=work, args=(f"d{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.post("/api/claim", json={}, headers=at("x")).status_code == 204
        status = client.get("/api/status").json()
    assert sorted(taken) == [f"q{n:02d}" for n in range(18)]
    assert len(stored(run)) == 18
    assert status["questions"] == {"open": 0, "claimed": 0, "answered": 18, "total": 18, "enough": 18}
    assert status["spent"] == {"clicks": 18.0, "pixels": 18.0 * 1024, "seconds": 27.0}
    assert status["mine"] == {"answered": 18, "seconds": 27.0, "clicks": 18.0}


def test_a_draft_comes_back_and_only_a_newer_one_is_stored(run: Path) -> None:
    strokes = [{"tool": "brush", "way": [[1, 2.5], [3, 4]], "note": "Größe \u2028"}]
    with page(run) as client:
        client.post("/api/claim", json={}, headers=at("a"))
        for revision, status in ((3, 200), (3, 409), (2, 409), (4, 200)):
            saved = client.put(
                "/api/questions/q00/draft",
                json={"revision": revision, "strokes": [*strokes, revision], "seconds": 4.5, "classes": [3]},
                headers=at("a"),
            )
            assert saved.status_code == status, saved.text
        assert saved.json() == {"revision": 4}
        refused = client.put("/api/questions/q00/draft", json={"revision": 1}, headers=at("a")).json()
        assert refused["revision"] == 4
    with page(run) as client:  # another server: nothing was in memory alone
        question = client.post("/api/claim", json={}, headers=at("a")).json()
        assert question["draft"]["strokes"] == [*strokes, 4]
        assert (question["draft"]["seconds"], question["revision"]) == (4.5, 4)
        old = {"classes": [3], "revision": 3}
        assert client.post("/api/questions/q00/answer", json=old, headers=at("a")).status_code == 409
        assert not stored(run)
        assert client.post("/api/questions/q00/answer", json={**old, "revision": 5}, headers=at("a")).status_code == 200
        assert client.get("/api/questions/q00", headers=at("a")).json()["draft"] is None


def test_an_answer_can_be_changed_and_the_earlier_one_is_kept(run: Path) -> None:
    with page(run) as client:
        client.post("/api/claim", json={}, headers=at("a"))
        url, body = "/api/questions/q00/answer", {"classes": [3], "revision": 1, "seconds": 5, "clicks": 2}
        assert client.post(url, json=body, headers=at("a")).json() == {"stored": True, "revision": 1, "answered": 1}
        assert client.post(url, json={**body, "classes": [4]}, headers=at("a")).status_code == 200
        assert stored(run)["q00"].answer.classes == (3,)  # the same revision again changes nothing
        changed = {"status": "void", "revision": 2, "seconds": 1, "clicks": 1}
        assert client.post(url, json=changed, headers=at("b")).status_code == 200
        assert client.post(url, json=body, headers=at("a")).status_code == 409
        answer = stored(run)["q00"].answer
        assert (answer.status, answer.classes, answer.provenance) == (AnswerStatus.VOID, (), Provenance.PERSON)
        assert (answer.cost.seconds, answer.cost.clicks) == (5, 2)  # what was paid stays paid
        assert client.get("/api/questions/q00", headers=at("b")).json()["answer"]["status"] == "void"
        lines = client.get("/api/answers").json()
        assert [(line["id"], line["status"]) for line in lines] == [("q00", "void")]
    repo = Repository.of_run(run)
    with repo.transaction() as session:
        kept = session.query(RevisionRow).one()
        assert (kept.status, kept.classes, kept.revision) == ("answered", [3], 1)
    repo.close()


@pytest.mark.parametrize("status", ["void", "unsure", "missing-class", "skipped"])
def test_four_ways_to_say_nothing_are_four_different_things(run: Path, status: str) -> None:
    with page(run) as client:
        body = {"status": status, "revision": 1, "seconds": 2, "clicks": 1}
        assert client.post("/api/questions/q05/answer", json=body).status_code == 200
    assert stored(run)["q05"].answer.status.value == status
    assert stored(run)["q05"].answer.cost.pixels == 0


@pytest.mark.parametrize("kind", ["dense", "mask"])
def test_a_drawn_mask_is_stored_as_it_was_drawn(tmp_path: Path, kind: str) -> None:
    run = make_run(tmp_path, kind)
    drawn = np.random.default_rng(0).integers(0, 12, (64, 96)).astype(np.uint8)
    drawn[drawn == 11] = IGNORE
    with page(run) as client:
        question = client.post("/api/claim", json={"query": "q04"}).json()
        inside = np.zeros(drawn.size, bool)
        for start, length in question["region"]["runs"]:
            inside[start : start + length] = True
        by_class = []
        for value in range(11):
            at_value = np.flatnonzero(inside & (drawn.ravel() == value))
            by_class.append([value, [[int(place), 1] for place in at_value]])
        body = {"mask": {"runs_by_class": by_class}, "revision": 7, "seconds": 9, "clicks": 12, "edits": 4}
        assert client.post("/api/questions/q04/answer", json=body).status_code == 200
        again = client.get("/api/questions/q04").json()["answer"]
    answer = stored(run)["q04"].answer
    np.testing.assert_array_equal(answer.dense, drawn.ravel()[inside])
    assert answer.cost.pixels == int((drawn.ravel()[inside] != IGNORE).sum())
    back = np.full(drawn.size, IGNORE, np.uint8)
    for value, runs in again["mask"]["runs_by_class"]:
        for start, length in runs:
            back[start : start + length] = value
    np.testing.assert_array_equal(back[inside], drawn.ravel()[inside])
    assert (again["edits"], again["revision"]) == (4, 7)


def test_many_similar_regions_are_confirmed_at_once(run: Path) -> None:
    with page(run) as client:
        client.post("/api/claim", json={}, headers=at("a"))
        client.post("/api/claim", json={}, headers=at("b"))
        client.post("/api/questions/q04/answer", json={"classes": [5]}, headers=at("b"))
        found = client.post("/api/questions/q00/similar?limit=50", headers=at("a")).json()
        assert {line["id"] for line in found} == {f"q{n:02d}" for n in range(2, 18, 2)} - {"q04"}
        assert client.post("/api/claim", json={"query": "q02"}, headers=at("b")).status_code == 409
        body = {"queries": ["q00", "q02", "q04", "q06", "nope"], "classes": [0], "seconds": 6, "clicks": 3}
        done = client.post("/api/answers/many", json=body, headers=at("a")).json()
        assert done["stored"] == 3
        assert [line["id"] for line in done["refused"]] == ["q04", "nope"]
        again = client.post("/api/answers/many", json=body, headers=at("a")).json()
        assert again == done  # the first answer got lost on its way: nothing is stored twice
    assert {id: pair.answer.classes for id, pair in stored(run).items()} == {
        "q00": (0,), "q02": (0,), "q04": (5,), "q06": (0,),
    }  # fmt: skip


def test_points_lie_in_the_region(tmp_path: Path) -> None:
    run = make_run(tmp_path, "point")
    with page(run) as client:
        url = "/api/questions/q00/answer"
        for body in ({"classes": [1]}, {"classes": [1], "point": [40, 2]}, {"classes": [1, 2], "point": [4, 2]}):
            assert client.post(url, json=body).status_code == 422
        assert client.post(url, json={"classes": [1], "point": [5, 2]}).status_code == 200
    assert (stored(run)["q00"].answer.point, stored(run)["q00"].answer.cost.pixels) == ((5, 2), 16)
    with page(run) as client:
        whole_region = {"mask": whole({"region": {"runs": [[0, 4]]}}, 1)}
        assert client.post("/api/questions/q01/answer", json=whole_region).status_code == 422


def test_an_answer_keeps_how_it_came_about_until_it_is_changed_elsewhere(tmp_path: Path) -> None:
    run = make_run(tmp_path, "class-set")
    steps = {"past": [{"classes": [1], "point": None}], "undone": []}
    with page(run) as client:
        for revision, said in ((1, {"steps": steps}), (2, {"steps": steps}), (3, {})):
            body = {"classes": [1, 2], "revision": revision, "seconds": 2.0, **said}
            assert client.post("/api/questions/q00/answer", json=body).status_code == 200
            draft = client.get("/api/questions/q00").json()["draft"]
            assert (draft is not None) == bool(said)
            if draft is not None:
                assert (draft["revision"], draft["steps"], draft["classes"]) == (revision, steps, [1, 2])
        client.post("/api/questions/q00/answer", json={"classes": [4], "revision": 4, "steps": steps})
        answer = stored(run)["q00"].answer
        repo = Repository.of_run(run)
        assert take_changes(repo, [replace(answer, classes=(3,))]).changed == 1
        repo.close()
        question = client.get("/api/questions/q00").json()
        assert (question["draft"], question["answer"]["classes"], question["revision"]) == (None, [3], 5)
