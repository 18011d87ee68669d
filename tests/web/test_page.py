"""Keys, touch, names, four ways not to answer, and strokes without a line to the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, Server, serving, until
from gestures import cut_off, painted, stroke
from playwright.sync_api import Browser, BrowserContext
from test_thirty import stored, stored_mask

from seglens.types import AnswerStatus

NAMELESS = """() => [...document.querySelectorAll('button, input, select, a, [role], canvas:not([aria-hidden])')]
  .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')?.textContent.trim()))
  .map((e) => e.outerHTML.slice(0, 120))"""


def way(desk: Desk) -> list[tuple[int, int]]:
    question = desk.asked()
    top, left, bottom, right = question["region"]["box"]
    return [(top + 3, left + 2), (top + 8, left + 11), (bottom - 4, right - 3)]


def test_undo_and_redo_go_all_the_way_and_a_line_cuts_off(desk: Desk) -> None:
    top, left, bottom, _right = desk.asked()["region"]["box"]
    region = desk.region()
    desk.key("b")
    seen = [desk.mask()]
    for step in range(12):
        desk.key("123456"[step % 6])
        desk.drag([(top + 2 + step, left + 3), (top + 2 + step, left + 9)])
        seen.append(desk.mask())
    for mask in seen[-2::-1]:
        desk.key("Control+z")
        np.testing.assert_array_equal(desk.mask(), mask)
    for mask in seen[1:]:
        desk.key("Control+Shift+z")
        np.testing.assert_array_equal(desk.mask(), mask)
    for _ in range(12):
        desk.press("undo")
    desk.key("l")
    desk.key("4")
    line = [(top - 1, left + 8), (top + 10, left + 10), (bottom, left + 9)]
    desk.drag(line)
    np.testing.assert_array_equal(desk.mask(), painted(region, [(cut_off(region, line), 3)]))


def test_strokes_survive_a_lost_line_and_a_dead_server(desk: Desk) -> None:
    places = way(desk)
    region = desk.region()
    desk.key("b")
    desk.key("2")
    desk.page.context.set_offline(True)
    desk.drag(places)
    until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
    desk.key("5")
    desk.drag(places[:2])
    desk.page.context.set_offline(False)
    desk.saved()
    mask = painted(region, [(stroke(places, 15, region.shape), 1), (stroke(places[:2], 15, region.shape), 4)])
    np.testing.assert_array_equal(desk.mask(), mask)
    desk.reload()
    np.testing.assert_array_equal(desk.mask(), mask)


def test_an_answer_given_to_a_dead_server_arrives_when_it_is_back(
    waiting: Callable[..., Path], context: BrowserContext
) -> None:
    run = waiting(answer="dense", cut={"name": "grid", "cell": 32})
    server = Server(run, "--no-train").start()
    try:
        desk = Desk(context, server.url)
        places, region = way(desk), desk.region()
        id = desk.asked()["id"]
        server.kill()
        desk.key("b")
        desk.key("7")
        desk.drag(places)
        desk.press("submit")
        until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
        server.start()
        desk.asked(id, 30)
        np.testing.assert_array_equal(
            stored_mask(stored(run)[id]), painted(region, [(stroke(places, 15, region.shape), 6)])
        )
        assert desk.errors == []
    finally:
        server.stop()


def test_four_ways_not_to_answer_and_an_answer_changed(waiting: Callable[..., Path], context: BrowserContext) -> None:
    run = waiting()
    with serving(run, "--no-train") as server:
        desk = Desk(context, server.url)
        said = {}
        last = None
        for name, status in (
            ("void", AnswerStatus.VOID), ("unsure", AnswerStatus.UNSURE),
            ("missing", AnswerStatus.MISSING_CLASS), ("skip", AnswerStatus.SKIPPED),
        ):  # fmt: skip
            last = desk.asked(last)["id"]
            said[last] = status
            desk.press(name)
        last = desk.asked(last)["id"]
        desk.press("class-4")
        following = desk.asked(last)["id"]
        until(lambda: last in stored(run), 20, "the answer in the store")
        desk.press("history")
        desk.press(f"answer-{last}")
        assert desk.asked(following)["id"] == last
        assert desk.at("class-4").get_attribute("aria-pressed") == "true"
        desk.press("class-9")
        until(lambda: stored(run)[last].answer.classes == (9,), 20, "the changed answer in the store")
        found = stored(run)
        assert {id: found[id].answer.status for id in said if id in found} == {
            id: status for id, status in said.items() if id in found
        }
        assert {AnswerStatus.VOID} <= {found[id].answer.status for id in said if id in found}
        assert desk.errors == []


def test_many_similar_regions_are_confirmed_at_once(waiting: Callable[..., Path], context: BrowserContext) -> None:
    run = waiting()
    with serving(run, "--no-train") as server:
        desk = Desk(context, server.url)
        desk.asked()
        if not desk.asked()["similar"]:
            pytest.skip("no question of this run looks like another")
        desk.press("similar")
        tiles = desk.page.locator(".many .tile")
        tiles.first.wait_for()
        many = tiles.count()
        tiles.nth(1).click()
        desk.at("many-class").select_option("8")
        desk.press("many-confirm")
        until(lambda: len(stored(run)) == many - 1, 20, "the answers in the store")
        assert {found.answer.classes for found in stored(run).values()} == {(8,)}
        assert desk.errors == []


def test_a_key_can_be_given_to_another_action(desk: Desk) -> None:
    desk.key("b")
    assert desk.state()["tool"] == "brush"
    desk.press("keys")
    desk.press("key-tool-eraser")
    desk.key("j")
    desk.press("close")
    desk.key("j")
    assert desk.state()["tool"] == "eraser"
    desk.reload()
    desk.asked()
    desk.key("e")
    assert desk.state()["tool"] != "eraser"
    desk.key("j")
    assert desk.state()["tool"] == "eraser"


def test_every_control_has_a_name_and_every_view_opens(desk: Desk) -> None:
    assert desk.page.evaluate(NAMELESS) == []
    for name in ("history", "guide", "keys"):
        desk.press(name)
        desk.page.wait_for_timeout(300)
        assert desk.page.evaluate(NAMELESS) == []
        desk.press("close")
    layers = desk.page.locator("[data-test^=layer-]:not([data-test=layer-image]):not([data-test=layers-card])")
    assert layers.count() == 0 or layers.first.is_visible()
    for index in range(layers.count()):
        layers.nth(index).check()
    desk.page.wait_for_timeout(500)
    assert desk.page.locator('[data-test="tell"]').all_inner_texts() == []


def test_a_finger_draws_and_two_fingers_move(browser: Browser, waiting: Callable[..., Path]) -> None:
    run = waiting(answer="dense", cut={"name": "grid", "cell": 32})
    tablet = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, device_scale_factor=2)
    with serving(run, "--no-train") as server:
        desk = Desk(tablet, server.url)
        places, region = way(desk), desk.region()
        desk.at("tool-brush").tap()
        desk.at("class-3").tap()
        line = tablet.new_cdp_session(desk.page)

        def touch(kind: str, spots: list[tuple[float, float]]) -> None:
            points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(spots)]
            line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        spots = [desk.spot(place) for place in places]
        touch("touchStart", spots[:1])
        for spot in spots[1:]:
            touch("touchMove", [spot])
        touch("touchEnd", [])
        mask = painted(region, [(stroke(places, 15, region.shape), 3)])
        np.testing.assert_array_equal(desk.mask(), mask)
        zoom = desk.state()["zoom"]
        (x, y), _, _ = spots
        touch("touchStart", [(x, y)])
        touch("touchStart", [(x, y), (x + 60, y)])
        for step in range(1, 6):
            touch("touchMove", [(x, y), (x + 60 + 20 * step, y)])
        touch("touchEnd", [])
        desk.page.wait_for_timeout(100)
        assert desk.state()["zoom"] > 1.5 * zoom
        np.testing.assert_array_equal(desk.mask(), mask)
        assert desk.errors == []
    tablet.close()
