"""What a person comes back to: a question that was on another desk meanwhile, and an answer of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, nearby, stored, stored_mask, until
from gestures import painted, polygon, stroke
from playwright.sync_api import Browser, BrowserContext
from served import make_run

from seglens.types import AnswerStatus

SECONDS = 3.0


@pytest.mark.parametrize("handed_in", [False, True])
def test_strokes_that_came_too_late_are_there_when_the_question_comes_back(
    tmp_path: Path, browser: Browser, handed_in: bool
) -> None:
    run = make_run(tmp_path, "dense", count=3)
    contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
    with nearby(run, claim_seconds=SECONDS) as url:
        ana = Desk(contexts[0], url)
        question = ana.asked()
        region = ana.region()
        top, left, bottom, right = question["region"]["box"]
        places = [(top + 3, left + 2), (bottom - 4, right - 3)]
        contexts[0].set_offline(True)
        ana.key("b")
        ana.key("3")
        ana.drag(places)
        if handed_in:
            ana.press("submit")
        ana.page.wait_for_timeout(1000 * SECONDS + 500)
        ben = Desk(contexts[1], url)
        assert ben.asked()["id"] == question["id"]
        contexts[0].set_offline(False)
        other = ana.asked(question["id"])["id"]
        assert "kept in this browser" in ana.at("tell").last.inner_text()
        assert stored(run) == {}
        ben.press("next")
        ben.asked(question["id"])
        ana.press("skip")
        assert ana.asked(other)["id"] == question["id"]
        expected = painted(region, [(stroke(places, 15, region.shape), 2)])
        np.testing.assert_array_equal(ana.mask(), expected)
        ana.saved()
        ana.press("submit")
        until(lambda: question["id"] in stored(run), 10, "the answer to be stored")
        np.testing.assert_array_equal(stored_mask(stored(run)[question["id"]]), expected)
        assert ana.errors == ben.errors == []
    for context in contexts:
        context.close()


def test_a_changed_answer_costs_what_both_took(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, "dense", count=2)
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        top, left, bottom, right = question["region"]["box"]

        def draw(row: int) -> None:
            desk.drag([(top + row, left + 3), (top + row, right - 3)])

        def cost() -> Callable[[str], float]:
            found = desk.page.evaluate("fetch('/api/answers').then((got) => got.json())")
            return {line["id"]: line for line in found}[question["id"]].__getitem__

        desk.key("b")
        for row in (4, 9, 14):
            draw(row)
        desk.page.wait_for_timeout(1200)
        desk.press("submit")
        desk.asked(question["id"])
        before = cost()
        assert (before("edits"), before("clicks")) == (3, 3)
        desk.key("PageUp")
        until(lambda: desk.asked()["id"] == question["id"], 10, "the earlier answer")
        desk.key("4")
        draw(bottom - top - 4)
        desk.page.wait_for_timeout(600)
        desk.press("submit")
        desk.asked(question["id"])
        after = cost()
        assert (after("edits"), after("clicks")) == (4, 5)  # one gesture more, and the class's key
        assert after("seconds") >= before("seconds") + 0.5
        assert desk.errors == []


def test_the_corners_of_a_polygon_outlive_a_reload_and_can_be_taken_back(
    tmp_path: Path, context: BrowserContext
) -> None:
    run = make_run(tmp_path, "dense", count=2)
    with nearby(run) as url:
        desk = Desk(context, url)
        question, region = desk.asked(), desk.region()
        top, left, bottom, right = question["region"]["box"]
        corners = [(top + 3, left + 4), (top + 6, right - 5), (bottom - 7, right - 9), (bottom - 4, left + 8)]
        assert desk.state()["class"] != 4
        desk.key("5")
        desk.press("tool-polygon")
        for corner in corners[:3]:
            desk.click(corner)
        desk.saved()
        desk.reload()
        assert (desk.state()["corners"], desk.state()["tool"]) == ([list(place) for place in corners[:3]], "polygon")
        assert not (desk.mask() != 255).any()
        for key, left in (("Control+z", 2), ("Control+z", 1), ("Control+Shift+z", 2)):
            desk.key(key)
            assert desk.state()["corners"] == [list(place) for place in corners[:left]]
        desk.saved()
        desk.reload()  # what was taken back can be done again
        desk.press("redo")
        assert desk.state()["corners"] == [list(place) for place in corners[:3]]
        desk.key("h")  # to move the picture; and on with it
        desk.key("p")
        desk.press("undo")
        assert desk.state()["corners"] == [list(place) for place in corners[:2]]
        desk.page.route("**/draft", lambda route: route.abort())  # the browser's own store alone knows the next ones
        for corner in corners[2:]:
            desk.click(corner)
        until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
        desk.reload()
        assert desk.state()["corners"] == [list(place) for place in corners]
        desk.page.unroute("**/draft")
        desk.click(corners[0])
        expected = painted(region, [(polygon(corners, region.shape), 4)])
        np.testing.assert_array_equal(desk.mask(), expected)
        desk.press("undo")  # the polygon is open again
        assert desk.state()["corners"] == [list(place) for place in corners]
        assert not (desk.mask() != 255).any()
        desk.press("redo")
        desk.saved()
        desk.reload()
        assert desk.state()["corners"] == []
        np.testing.assert_array_equal(desk.mask(), expected)
        desk.press("submit")
        until(lambda: question["id"] in stored(run), 10, "the answer to be stored")
        np.testing.assert_array_equal(stored_mask(stored(run)[question["id"]]), expected)
        assert desk.errors == []


def test_an_answer_that_was_handed_in_is_gone_back_into_step_by_step(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kinds=("dense", "class-set"), count=2)
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        top, left, _, right = question["region"]["box"]
        desk.key("b")
        seen = [desk.mask()]
        for row in range(3):
            desk.key("147"[row])
            desk.drag([(top + 3 + 8 * row, left + 2), (top + 3 + 8 * row, right - 3)])
            seen.append(desk.mask())
        desk.press("undo")
        desk.press("submit")
        other = desk.asked(question["id"])["id"]
        for key in "152":
            desk.key(key)
        desk.key("Control+z")
        desk.saved()
        desk.reload()
        assert desk.asked()["id"] == other
        said = [desk.state()["classes"]]
        for key in ("Control+Shift+z", "Control+z", "Control+z", "Control+z"):
            desk.key(key)
            said.append(desk.state()["classes"])
        assert said == [[0, 4], [0, 4, 1], [0, 4], [0], []]
        desk.press("history")
        desk.press(f"answer-{question['id']}")
        until(lambda: desk.asked()["id"] == question["id"], 10, "the earlier answer")
        np.testing.assert_array_equal(desk.mask(), seen[2])
        desk.press("redo")
        for mask in seen[::-1]:
            np.testing.assert_array_equal(desk.mask(), mask)
            desk.key("Control+z")
        for _ in range(2):
            desk.press("redo")
        desk.key("v")  # void: what was drawn is there when it is looked at again
        desk.asked(question["id"])
        assert stored(run)[question["id"]].answer.status is AnswerStatus.VOID
        desk.press("history")
        desk.press(f"answer-{question['id']}")
        until(lambda: desk.asked()["id"] == question["id"], 10, "the earlier answer")
        assert "changing an earlier answer (void)" in desk.at("where").inner_text()
        np.testing.assert_array_equal(desk.mask(), seen[2])
        desk.press("undo")
        desk.press("submit")
        desk.asked(question["id"])
        np.testing.assert_array_equal(stored_mask(stored(run)[question["id"]]), seen[1])
        assert desk.errors == []
