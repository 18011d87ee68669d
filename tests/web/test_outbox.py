"""What the server does not take, or not yet, stays in the browser: refusals, limits, and a store that is full."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Desk, nearby, stored, stored_mask, until
from playwright.sync_api import BrowserContext, Route
from served import make_run

from seglens.store import Repository
from seglens.store.people import People, Role
from seglens.types import ByteArray
from seglens.web import guard


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path, "dense", count=3)


@pytest.fixture
def desk(run: Path, context: BrowserContext) -> Iterator[Desk]:
    """Somebody with a brush before a region that is drawn."""
    with nearby(run) as url:
        found = Desk(context, url)
        found.asked()
        found.key("b")
        yield found
        assert found.errors == []


def draw(desk: Desk, row: int) -> ByteArray:
    """A stroke over the region, a class a row; the labels after it."""
    question = desk.asked()
    top, left, _, right = question["region"]["box"]
    desk.key("1234567890"[row])
    desk.drag([(top + 1 + 3 * row, left + 2), (top + 1 + 3 * row, right - 3)])
    return desk.mask()


def draft_of(desk: Desk, id: str) -> dict[str, Any]:
    """What the server has of it."""
    headers = "{headers: {'X-Seglens-Desk': sessionStorage.getItem('seglens:desk')}}"
    return desk.page.evaluate(f"fetch('/api/questions/{id}', {headers}).then((got) => got.json())")["draft"]


def refusing(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body=json.dumps({"error": f"No {status}."}))


@pytest.mark.parametrize("answer", [False, True])
def test_what_is_refused_for_whatever_reason_is_there_after_a_reload(desk: Desk, run: Path, answer: bool) -> None:
    """As a proxy or a server of another version may refuse it."""
    id = desk.asked()["id"]
    path = f"**/{'answer' if answer else 'draft'}"
    for row, status in enumerate((400, 403, 413, 422)):
        desk.page.route(path, refusing(status))
        mask = draw(desk, row)
        if answer:
            desk.saved()
            desk.press("submit")
        until(lambda s=status: f"No {s}." in desk.at("tells").inner_text(), 10, "the refusal to be told")
        assert "kept in this browser" in desk.at("tell").last.inner_text()
        desk.reload()
        assert desk.asked()["id"] == id
        np.testing.assert_array_equal(desk.mask(), mask)
        desk.page.unroute(path)
    mask = draw(desk, 5)
    desk.saved()
    desk.press("submit")
    until(lambda: id in stored(run), 10, "the answer to be stored")
    np.testing.assert_array_equal(stored_mask(stored(run)[id]), mask)


def test_an_answer_that_waits_is_shown_as_it_was_given(desk: Desk, run: Path) -> None:
    id, mask = desk.asked()["id"], draw(desk, 3)
    desk.saved()
    desk.page.route("**/answer", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    desk.press("submit")
    desk.page.wait_for_timeout(300)
    desk.reload()
    until(lambda: desk.question, 10, "the question")
    assert (desk.state()["question"]["id"], desk.state()["sending"]) == (id, True)
    np.testing.assert_array_equal(desk.mask(), mask)
    desk.page.unroute("**/answer")
    desk.asked(id)
    np.testing.assert_array_equal(stored_mask(stored(run)[id]), mask)


def test_a_proxy_that_knows_no_such_way_does_not_take_the_question_away(desk: Desk) -> None:
    id = desk.asked()["id"]
    desk.page.route("**/draft", lambda route: route.fulfill(status=404, body="<h1>Not found</h1>"))
    mask = draw(desk, 1)
    until(lambda: "refused this (404)" in desk.at("tells").inner_text(), 10, "the refusal to be told")
    desk.page.wait_for_timeout(300)
    assert desk.asked()["id"] == id
    np.testing.assert_array_equal(desk.mask(), mask)


def test_a_draft_that_is_too_large_goes_without_its_strokes(
    desk: Desk, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_BYTES", 1500)
    id, seen = desk.asked()["id"], [desk.mask()]
    sizes: list[int] = []
    desk.page.on("request", lambda request: sizes.append(len(request.post_data or "")))
    for row in range(8):
        seen.append(draw(desk, row))
        desk.saved()
    assert desk.at("tell").count() == 0
    assert draft_of(desk, id)["strokes"] == []
    assert max(sizes) > 1500
    desk.reload()
    for mask in seen[::-1]:
        np.testing.assert_array_equal(desk.mask(), mask)
        desk.key("Control+z")
    for _ in seen[1:]:
        desk.key("Control+Shift+z")
    desk.press("submit")
    until(lambda: id in stored(run), 10, "the answer to be stored")
    np.testing.assert_array_equal(stored_mask(stored(run)[id]), seen[-1])


def test_a_long_history_is_cut_for_the_server_and_whole_in_the_browser(context: BrowserContext, run: Path) -> None:
    with nearby(run) as url:
        source = "js/drafts.js"
        context.route(f"**/{source}", lambda route: route.fulfill(body=short(route), content_type="text/javascript"))
        desk = Desk(context, url)
        id, seen = desk.asked()["id"], [desk.mask()]
        desk.key("b")
        for row in range(8):
            seen.append(draw(desk, row))
        for _ in range(2):
            desk.key("Control+z")
        desk.saved()
        there = draft_of(desk, id)
        assert 0 < len(there["strokes"]) < 6
        np.testing.assert_array_equal(desk.mask(), seen[6])
        desk.reload()
        np.testing.assert_array_equal(desk.mask(), seen[6])
        for mask in seen[5::-1]:
            desk.key("Control+z")
            np.testing.assert_array_equal(desk.mask(), mask)
        for mask in seen[1:]:
            desk.key("Control+Shift+z")
            np.testing.assert_array_equal(desk.mask(), mask)
        assert desk.errors == []


def short(route: Route) -> str:
    """The page's own module with a lower limit."""
    text = route.fetch().text()
    assert "2_500_000" in text
    return str(text.replace("2_500_000", "1_500"))


def test_what_local_storage_has_no_room_for_outlives_a_reload(desk: Desk, run: Path) -> None:
    fill = "(() => { for (let size = 4_000_000; size; size >>= 1) try {"
    fill += " localStorage.setItem(`junk${size}`, 'x'.repeat(size)); } catch {} })()"
    desk.page.evaluate(fill)
    desk.page.route("**/draft", lambda route: route.abort())
    mask = draw(desk, 2)
    until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
    kept = "Object.keys(localStorage).filter((key) => key.includes('/draft/')).length"
    assert desk.page.evaluate(kept) == 0
    desk.reload()
    np.testing.assert_array_equal(desk.mask(), mask)
    desk.page.evaluate(
        "Object.keys(localStorage).forEach((key) => key.startsWith('junk') && localStorage.removeItem(key))"
    )
    desk.page.unroute("**/draft")
    mask = draw(desk, 4)
    desk.saved()
    desk.reload()
    np.testing.assert_array_equal(desk.mask(), mask)


def test_a_reviewers_decision_offline_arrives_after_a_reload(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, ask={"name": "human", "overlap": 1.0, "agree": 0.9}, count=2)
    people = People(Repository.of_run(run))
    tokens = []
    for name, role in (("ana", Role.ANNOTATOR), ("ben", Role.ANNOTATOR), ("rea", Role.REVIEWER)):
        people.add(name, role, "a password of theirs")
        tokens.append(people.token(name))
    people.repo.close()
    with nearby(run) as url:
        page = {"X-Seglens": "page"}
        for number, token in enumerate(tokens[:2]):
            for id in ("q00", "q01"):
                who = {**page, "X-Seglens-Desk": token[:8], "Authorization": f"Bearer {token}"}
                body = {"classes": [number], "revision": 1}
                assert context.request.post(f"{url}/api/questions/{id}/answer", data=body, headers=who).ok
        login = {"name": "rea", "password": "a password of theirs"}
        assert context.request.post(f"{url}/api/login", data=login, headers=page).ok
        desk = Desk(context, url)
        for id, status, said in (("q00", 0, "offline: 1 waiting"), ("q01", 422, "The decision was not taken: No 422.")):
            desk.press("review")
            choice = desk.at(f"dispute-{id}").locator("[data-test=take-ben]")
            desk.page.route("**/review/*", refusing(status) if status else lambda route: route.abort())
            choice.click()
            until(lambda s=said: s in desk.page.locator("body").inner_text(), 10, said)
            assert id not in stored(run)
            desk.page.unroute("**/review/*")
            if not status:
                desk.reload()
                until(lambda i=id: i in stored(run), 10, "the decision to arrive")
        desk.at("dispute-q01").locator("[data-test=take-ana]").click()  # what was refused is there again
        until(lambda: "q01" in stored(run), 10, "the other decision to be stored")
        assert [stored(run)[id].answer.classes for id in ("q00", "q01")] == [(1,), (0,)]
        desk.page.get_by_text("Nothing to review").wait_for()
        assert desk.errors == []


def test_similar_regions_that_are_confirmed_offline_arrive_after_a_reload(
    tmp_path: Path, context: BrowserContext
) -> None:
    run = make_run(tmp_path, count=6)
    with nearby(run) as url:
        desk = Desk(context, url)
        id = desk.asked()["id"]
        desk.press("similar")
        desk.at(f"many-{id}").wait_for()
        desk.page.locator("[data-test^=many-q]").nth(1).click()
        left = desk.page.locator("[data-test^=many-q][aria-pressed=false]").get_attribute("data-test")
        desk.at("many-class").select_option("7")
        desk.page.route("**/answers/many", lambda route: route.abort())
        desk.press("many-confirm")
        until(lambda: desk.at("saved").inner_text() == "offline: 1 waiting", 10, "the page to say that it is offline")
        desk.page.unroute("**/answers/many")
        desk.reload()
        until(lambda: len(stored(run)) == 2, 10, "the answers to be stored")
        found = stored(run)
        assert {answer.answer.classes for answer in found.values()} == {(7,)}
        assert id in found
        assert str(left).removeprefix("many-") not in found
        assert "2 answers stored" in desk.at("tell").last.inner_text()
        assert desk.asked(id)["id"] not in found
        assert desk.errors == []
