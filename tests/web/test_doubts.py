"""Answers that an audit doubts: listed for a reviewer, who keeps or changes them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import GRID, Desk, nearby, stored, stored_mask, until, wait_for_people
from fastapi.testclient import TestClient
from gestures import painted, stroke
from playwright.sync_api import BrowserContext
from served import make_run, page
from typer.testing import CliRunner

from seglens.cli import app
from seglens.data.streets import Streets, StreetsParams
from seglens.functional.run_lengths import indices
from seglens.loop import drive
from seglens.store import Repository
from seglens.store.tables import AnswerRow, OverlapRow
from seglens.types import IGNORE, Answer, AnswerKind, AnswerStatus, ByteArray, Cost, Provenance, Query

DATA: dict[str, Any] = {"name": "streets", "split": "pool", "images": 12, "size": [64, 96]}
ROAD, SKY = 0, 10
CELLS = {"unit": "pixels", "initial": 48 * 32 * 32, "per_round": 12 * 32 * 32}


def audited(folder: Path, **changes: Any) -> tuple[Path, str]:
    """A run whose first round is answered from the truth but for a region of road, called sky; audited. And its id."""
    run = wait_for_people(folder, data=DATA, **changes)
    truth = Streets.labels(StreetsParams(**{key: value for key, value in DATA.items() if key != "name"}))
    repo = Repository.of_run(run)
    asked = repo.open_queries()
    right = {query.id: truth.label(query.image).ravel()[indices(query.region.runs)] for query in asked}
    wrong = max(asked, key=lambda query: float((right[query.id] == ROAD).mean())).id
    repo.add_answers([said(query, np.where(query.id == wrong, SKY, right[query.id])) for query in asked])
    repo.close()
    drive(run)
    audit(run)
    return run, wrong


def said(query: Query, classes: ByteArray) -> Answer:
    known = classes[classes != IGNORE]
    cost = Cost(1.0, float(len(known)), 3.0)
    if query.kind is AnswerKind.DENSE:
        dense = classes.astype(np.uint8)
        return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, dense=dense, annotator="ana")
    if not len(known):
        return Answer(query.id, AnswerStatus.VOID, cost, Provenance.PERSON, annotator="ana")
    most = int(np.bincount(known).argmax())
    return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, (most,), annotator="ana")


def review_of(run: Path, id: str) -> tuple[float, float, int] | None:
    """Seconds, clicks and edits that it took to take somebody's answer; None where nobody has."""
    with closing(Repository.of_run(run)) as repo, repo.transaction() as session:
        row = session.get(OverlapRow, id)
        return (row.review_seconds, row.review_clicks, row.review_edits) if row else None


def edits_of(run: Path, id: str) -> int:
    """Of the answer to a question that holds."""
    with closing(Repository.of_run(run)) as repo, repo.transaction() as session:
        return session.get_one(AnswerRow, session.get_one(OverlapRow, id).decided).edits


def audit(run: Path) -> None:
    result = CliRunner().invoke(app, ["audit", str(run), "--folds", "2"], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def due(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/doubts").json()["doubted"]
    return found


def test_doubted_answers_are_kept_and_changed(tmp_path: Path) -> None:
    run, wrong = audited(tmp_path, budget={"unit": "clicks", "initial": 60, "per_round": 12})
    told = json.loads((run / "audit.json").read_text())
    with page(run) as client:
        found = due(client)
        assert [row["id"] for row in found] == [row["query"] for row in told["doubted"] if row["suspicion"] > 0]
        assert [row["suspicion"] for row in found] == sorted((row["suspicion"] for row in found), reverse=True)
        assert len(found) > 2
        row = next(row for row in found if row["id"] == wrong)
        assert (row["annotator"], row["answer"]["classes"], row["instead"]) == ("ana", [SKY], ROAD)
        assert row["reasons"][0].startswith("Said sky, rather road. A model that had not learnt from this image says ")
        assert client.get(row["picture"]).headers["content-type"] == "image/jpeg"

        kept = next(row["id"] for row in found if row["id"] != wrong)
        assert client.post(f"/api/review/{kept}", json={"annotator": "ana"}).status_code == 200
        body = {"answer": {"status": "answered", "classes": [ROAD], "clicks": 1, "seconds": 4}}
        assert client.post(f"/api/review/{wrong}", json=body).status_code == 200
        assert [row["id"] for row in due(client)] == [row["id"] for row in found if row["id"] not in (kept, wrong)]
        held = stored(run)
        assert held[kept].answer.annotator == "ana"
        assert (held[wrong].answer.classes, held[wrong].answer.annotator != "ana") == ((ROAD,), True)
        assert len(held) == 60
        body = {"answer": {"status": "void", "revision": 2}}  # the same reviewer's second thought
        assert client.post(f"/api/review/{wrong}", json=body).status_code == 200
        assert stored(run)[wrong].answer.status is AnswerStatus.VOID
    repo = Repository.of_run(run)
    assert repo.spent().seconds == 60 * 3 + 4  # the changed answer is paid, and the review
    repo.close()
    audit(run)
    with page(run) as client:
        assert not {kept, wrong} & {row["id"] for row in due(client)}  # a review is not asked for twice


def test_the_parts_of_a_drawn_answer_are_one_matter(tmp_path: Path) -> None:
    run, wrong = audited(tmp_path, answer="dense", cut=GRID, budget=CELLS)
    with page(run) as client:
        found = due(client)
        assert len({row["id"] for row in found}) == len(found)
        row = next(row for row in found if row["id"] == wrong)
        assert [value for value, _ in row["answer"]["mask"]["runs_by_class"]] == [SKY]
        assert f"said={SKY}&box=" in row["picture"]
        assert client.get(row["picture"]).status_code == 200
        draft = {"revision": 1, "mask": {"runs_by_class": []}}
        assert client.put(f"/api/review/{wrong}/draft", json=draft).status_code == 200
        assert stored(run)[wrong].answer.annotator == "ana"  # a draft decides nothing
        assert wrong in {row["id"] for row in due(client)}


def test_an_answer_changed_since_the_audit_is_not_doubted(tmp_path: Path) -> None:
    run, _wrong = audited(tmp_path, budget={"unit": "clicks", "initial": 60, "per_round": 12})
    told = json.loads((run / "audit.json").read_text())
    told["at"] = "2001-01-01T00:00:00+00:00"
    (run / "audit.json").write_text(json.dumps(told))
    with page(run) as client:
        assert client.get("/api/doubts").json() == {"at": told["at"], "doubted": []}
        (run / "audit.json").unlink()
        assert client.get("/api/doubts").json() == {"at": None, "doubted": []}
        waiting = client.post("/api/claim", json={}).json()["id"]
        refused = client.post(f"/api/review/{waiting}", json={"annotator": "ana"})
        assert (refused.status_code, "nobody has answered it" in refused.json()["error"]) == (404, True)


def test_who_reviewed_an_own_answer_can_change_it_later(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with page(run) as client:
        me = client.get("/api/me").json()["name"]
        assert client.post("/api/questions/q00/answer", json={"classes": [1], "revision": 1}).status_code == 200
        assert client.post("/api/review/q00", json={"annotator": me}).status_code == 200
        assert client.post("/api/questions/q00/answer", json={"classes": [2], "revision": 2}).status_code == 200
        assert stored(run)["q00"].answer.classes == (2,)


@pytest.mark.parametrize("kind", ["dominant-class", "dense"])
def test_a_reviewer_looks_at_doubts_on_the_page(tmp_path: Path, context: BrowserContext, kind: str) -> None:
    drawn = kind == "dense"
    budget = CELLS if drawn else {"unit": "clicks", "initial": 60, "per_round": 12}
    run, wrong = audited(tmp_path, answer=kind, budget=budget, **({"cut": GRID} if drawn else {}))
    with nearby(run) as url:
        desk = Desk(context, url)
        mine = desk.asked()["id"]
        desk.press("review")
        section = desk.at(f"doubt-{wrong}")
        section.wait_for()
        assert "rather road" in section.inner_text()
        until(
            lambda: section.locator("img").evaluate("(img) => img.complete && img.naturalWidth > 100"), 10, "a picture"
        )
        names = desk.page.locator(".doubt").evaluate_all("(all) => all.map((one) => one.dataset.test)")
        other = next(name.removeprefix("doubt-") for name in names if name != f"doubt-{wrong}")
        assert desk.nameless() == []
        desk.look(1.2)
        desk.press(f"keep-{other}")
        until(lambda: not desk.at(f"doubt-{other}").count(), 10, "the kept answer to go")
        until(lambda: review_of(run, other) is not None, 10, "the review to be stored")
        assert stored(run)[other].answer.annotator == "ana"
        seconds, *rest = review_of(run, other) or ()
        assert seconds > 1
        assert rest == [1, 0]
        desk.look(1.2)
        if drawn:
            desk.press(f"open-{wrong}")
            until(lambda: desk.asked()["id"] == wrong, 10, "the doubted answer")
            region, (top, left, bottom, right) = desk.region(), desk.asked()["region"]["box"]
            np.testing.assert_array_equal(desk.mask(), np.where(region, SKY, 255))
            desk.key("b")
            desk.press(f"class-{ROAD}")
            way = [(top + 5, left + 3), (bottom - 5, right - 3)]
            desk.drag(way)
            expected = painted(region, [(region, SKY), (stroke(way, 15, region.shape), ROAD)])
            desk.press("submit")
        else:
            desk.press(f"rather-{wrong}")
        until(lambda: stored(run)[wrong].answer.annotator != "ana", 10, "the changed answer")
        if drawn:
            np.testing.assert_array_equal(stored_mask(stored(run)[wrong]), expected)
            desk.at("dialog").get_by_text("Answers that the audit doubts").wait_for()
        else:
            assert stored(run)[wrong].answer.classes == (ROAD,)
            assert (stored(run)[wrong].answer.cost.clicks, edits_of(run, wrong)) == (1, 1)
        assert stored(run)[wrong].answer.cost.seconds > 1  # the look at the list is in it
        until(lambda: not desk.at(f"doubt-{wrong}").count(), 10, "the changed answer to go")
        desk.press("close")
        assert desk.asked()["id"] == mine
        assert desk.errors == []
