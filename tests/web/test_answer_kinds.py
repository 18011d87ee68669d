"""The kinds of question beside regions that are named or drawn; logging in; what a reviewer decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, loaded, nearby, stored, stored_mask, until
from gestures import painted, stroke
from playwright.sync_api import Browser, BrowserContext
from served import make_run
from sqlalchemy import func, select

from seglens.store import Repository
from seglens.store.people import People, Role
from seglens.store.tables import AnswerRow
from seglens.types import Cost

BOTH = {"name": "human", "overlap": 1.0, "agree": 0.9}


def test_a_point(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kind="point")
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        top, left, bottom, _right = question["region"]["box"]
        desk.click((top - 3 if top else bottom + 3, left + 4))
        assert "inside" in desk.at("tell").inner_text()
        desk.click((top + 7, left + 9))
        desk.press("class-6")
        desk.asked(question["id"])
        answer = stored(run)[question["id"]].answer
        assert (answer.classes, answer.point) == ((6,), (top + 7, left + 9))
        assert desk.errors == []


def test_a_set_of_classes(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kind="class-set")
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        for key in "152":
            desk.key(key)
        desk.key("5")
        desk.saved()
        desk.reload()
        assert desk.asked()["id"] == question["id"]
        desk.key("Enter")
        desk.asked(question["id"])
        assert stored(run)[question["id"]].answer.classes == (0, 1)
        ticked, before = together(desk), set(stored(run))
        desk.at("many-class-2").uncheck()
        desk.at("many-class-5").check()
        desk.press("many-confirm")
        until(lambda: len(stored(run)) == len(before) + len(ticked), 10, "the answers")
        fresh = {id: found for id, found in stored(run).items() if id not in before}
        assert {id: found.answer.classes for id, found in fresh.items()} == dict.fromkeys(ticked, (1, 5))
        assert sum(found.answer.cost.clicks for found in fresh.values()) == 4  # a tile, two boxes, the confirmation
        assert edits_in(run) == 3 + 4  # and the four keys of the first
        assert desk.errors == []


def test_a_verdict(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kind="verdict")
    with nearby(run) as url:
        desk = Desk(context, url)
        first = desk.asked()
        desk.key("y")
        second = desk.asked(first["id"])
        assert not desk.at("class-5").is_visible()
        desk.key("n")
        desk.press("class-5")
        desk.asked(second["id"])
        found = stored(run)
        assert found[first["id"]].answer.classes == (first["suggestion"]["classes"][0],)
        assert found[second["id"]].answer.classes == (5,)
        ticked = together(desk)
        desk.press("many-confirm")
        until(lambda: len(stored(run)) == 2 + len(ticked), 10, "the answers")
        assert {stored(run)[id].answer.classes for id in ticked} == {(0,)}
        assert desk.errors == []


def test_a_candidate_is_accepted_and_corrected(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kind="mask")
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        region = desk.region()
        top, left, _bottom, right = question["region"]["box"]
        desk.key("Enter")
        desk.key("e")
        way = [(top + 4, left), (top + 4, right)]
        desk.drag(way)
        suggested = question["suggestion"]["classes"][0]
        expected = painted(region, [(region, suggested), (stroke(way, 15, region.shape), 255)])
        np.testing.assert_array_equal(desk.mask(), expected)
        desk.key("Enter")
        desk.asked(question["id"])
        np.testing.assert_array_equal(stored_mask(stored(run)[question["id"]]), expected)
        ticked = together(desk)
        assert "whole" in desk.at("dialog").inner_text()
        desk.at("many-class").select_option("7")
        desk.press("many-confirm")
        until(lambda: len(stored(run)) == 1 + len(ticked), 10, "the answers")
        for id in ticked:
            assert (stored(run)[id].answer.dense == 7).all()
        assert desk.errors == []


@pytest.mark.parametrize("kind", ["dominant-class", "dense"])
def test_two_people_who_disagree_and_a_reviewer(tmp_path: Path, browser: Browser, kind: str) -> None:
    run = make_run(tmp_path, kind=kind, ask=BOTH, count=2)
    people = People(Repository.of_run(run))
    for name, role in (("ana", Role.ANNOTATOR), ("ben", Role.ANNOTATOR), ("rea", Role.REVIEWER)):
        people.add(name, role, f"{name}'s password")
    people.repo.close()
    with nearby(run) as url:
        said = [answered(browser, url, name, kind, number) for number, name in enumerate(("ana", "ben"))]
        assert said[0] == said[1]
        desk = let_in(browser, url, "rea")
        desk.press("review")
        desk.page.locator(".dispute").first.wait_for()
        if kind == "dense":
            desk.page.locator(".dispute canvas").nth(1).wait_for()
        assert desk.nameless() == []
        loaded(desk.page.locator(".dispute img"))
        paid = spent(run)
        desk.look(1.5)
        desk.press("take-ben")
        until(lambda: not desk.page.locator(".dispute").count(), 10, "the dispute to be settled")
        until(lambda: spent(run).clicks == paid.clicks + 1, 10, "the decision to be stored")
        now = spent(run)
        assert 1 < now.seconds - paid.seconds < 10
        answer = stored(run)[said[0]].answer
        assert answer.classes == (1,) if kind != "dense" else set(np.unique(answer.dense)) == {1, 255}
        assert desk.errors == []
        desk.page.context.close()


def test_a_reviewer_draws_a_third_answer(tmp_path: Path, browser: Browser) -> None:
    run = make_run(tmp_path, kind="dense", ask=BOTH, count=3)
    people = People(Repository.of_run(run))
    for name, role in (("ana", Role.ANNOTATOR), ("ben", Role.ANNOTATOR), ("rea", Role.REVIEWER)):
        people.add(name, role, f"{name}'s password")
    people.repo.close()
    with nearby(run) as url:
        id = answered(browser, url, "ana", "dense", 0)
        assert answered(browser, url, "ben", "dense", 1) == id
        desk = let_in(browser, url, "rea")
        mine = desk.asked()["id"]
        desk.press("review")
        desk.press("correct-ben")
        assert desk.asked(mine)["id"] == id
        region, (top, _left, bottom, right) = desk.region(), desk.asked()["region"]["box"]
        theirs = desk.mask()
        assert set(np.unique(theirs)) == {1, 255}
        desk.key("b")
        desk.press("class-4")
        way = [(top + 6, right - 4), (bottom - 6, right - 4)]
        desk.drag(way)
        expected = np.where(stroke(way, 15, region.shape) & region, 4, theirs)
        np.testing.assert_array_equal(desk.mask(), expected)
        desk.saved()
        desk.reload()  # the draft of a review outlives it
        assert desk.asked()["id"] == mine
        desk.press("review")
        desk.press("settle")
        desk.asked(mine)
        np.testing.assert_array_equal(desk.mask(), expected)
        desk.press("submit")
        until(lambda: id in stored(run), 20, "the dispute to be settled")
        answer = stored(run)[id].answer
        assert (answer.annotator, answer.cost.clicks > 0) == ("rea", True)
        np.testing.assert_array_equal(stored_mask(stored(run)[id]), np.where(region, expected, 255))
        desk.page.get_by_text("Nothing to review").wait_for()
        desk.press("close")
        assert desk.asked(id)["id"] == mine
        assert desk.errors == []
        desk.page.context.close()


def together(desk: Desk) -> set[str]:
    """Opens what is similar to the question at hand and presses one of it out; the questions that are left."""
    desk.press("similar")
    tiles = desk.page.locator(".many .tile")
    tiles.nth(2).wait_for()
    loaded(tiles.locator("img"))
    assert desk.nameless() == []
    tiles.nth(1).click()
    left = desk.page.locator('.many .tile[aria-pressed="true"]')
    return {name.removeprefix("many-") for name in left.evaluate_all("(all) => all.map((one) => one.dataset.test)")}


def edits_in(run: Path) -> int:
    """Of all answers of a run."""
    repo = Repository.of_run(run)
    with repo.transaction() as session:
        found = session.scalar(select(func.sum(AnswerRow.edits)))
    repo.close()
    return int(found or 0)


def spent(run: Path) -> Cost:
    """What people have put into a run."""
    repo = Repository.of_run(run)
    try:
        return repo.spent()
    finally:
        repo.close()


def let_in(browser: Browser, url: str, name: str) -> Desk:
    """Somebody who has logged in, the second time with the right password."""
    desk = Desk(browser.new_context(viewport={"width": 1280, "height": 800}), url)
    assert desk.nameless() == []
    desk.at("login-name").fill(name)
    desk.at("login-password").fill("wrong")
    desk.press("login")
    until(lambda: desk.at("login-error").inner_text(), 10, "a wrong password to be told")
    desk.page.wait_for_timeout(1500)
    desk.log_in(name)
    return desk


def answered(browser: Browser, url: str, name: str, kind: str, value: int) -> str:
    """The question that somebody has answered with a class."""
    desk = let_in(browser, url, name)
    question = desk.asked()
    assert not desk.at("review").is_visible()
    desk.key("b")
    desk.press(f"class-{value}")
    if kind == "dense":
        top, left, bottom, right = question["region"]["box"]
        desk.drag([(top, left), (bottom, right)])
        desk.press("submit")
    desk.asked(question["id"])
    assert desk.errors == []
    desk.page.context.close()
    return str(question["id"])
