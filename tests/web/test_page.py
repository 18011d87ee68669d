"""Keys, touch, names, undo without end, and strokes without a line to the server."""

from __future__ import annotations

import json

import numpy as np
from browsing import Desk, Server, stored, stored_mask, touching, until, writing
from gestures import cut_off, painted, stroke
from playwright.sync_api import Browser, Route


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


def test_what_was_undone_can_be_done_again_after_a_reload(desk: Desk) -> None:
    top, left, _bottom, _right = desk.asked()["region"]["box"]
    desk.key("b")
    seen = [desk.mask()]
    for step in range(4):
        desk.key("1234"[step])
        desk.drag([(top + 2 + 4 * step, left + 3), (top + 2 + 4 * step, left + 12)])
        seen.append(desk.mask())
    for _ in range(3):
        desk.key("Control+z")
    desk.saved()
    desk.reload()
    np.testing.assert_array_equal(desk.mask(), seen[1])
    for mask in seen[2:4]:
        desk.key("Control+Shift+z")
        np.testing.assert_array_equal(desk.mask(), mask)
    desk.page.context.set_offline(True)  # from here on the browser's own store alone knows it
    desk.key("Control+z")
    until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
    kept = desk.page.evaluate("Object.entries(localStorage).find(([key]) => key.includes('/draft/'))[1]")
    assert [len(json.loads(kept)["body"][name]) for name in ("strokes", "undone")] == [2, 2]
    desk.page.context.set_offline(False)
    desk.saved()
    desk.reload()
    for mask in seen[3:]:
        desk.key("Control+Shift+z")
        np.testing.assert_array_equal(desk.mask(), mask)
    assert desk.at("redo").is_disabled()
    for mask in seen[-2::-1]:
        desk.key("Control+z")
        np.testing.assert_array_equal(desk.mask(), mask)


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


def test_an_answer_given_to_a_dead_server_arrives_when_it_is_back(desk: Desk, drawn: Server) -> None:
    places, region = way(desk), desk.region()
    id = desk.asked()["id"]
    drawn.kill()
    desk.key("b")
    desk.key("7")
    desk.drag(places)
    desk.press("submit")
    until(lambda: "offline" in desk.at("saved").inner_text(), 20, "the page to say that it is offline")
    drawn.start()
    desk.asked(id, 30)
    expected = painted(region, [(stroke(places, 15, region.shape), 6)])
    np.testing.assert_array_equal(stored_mask(stored(drawn.run)[id]), expected)


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
    assert desk.nameless() == []
    for name in ("history", "guide", "keys"):
        desk.press(name)
        desk.page.wait_for_timeout(300)
        assert desk.nameless() == []
        desk.press("close")
    layers = desk.page.locator("[data-test^=layer-]:not([data-test=layer-image]):not([data-test=layers-card])")
    assert layers.count() == 0 or layers.first.is_visible()
    for index in range(layers.count()):
        if layers.nth(index).is_enabled():  # before the first model there are no maps
            layers.nth(index).check()
    desk.page.wait_for_timeout(500)
    assert desk.page.locator('[data-test="tell"]').all_inner_texts() == []


def test_a_view_that_was_closed_while_it_loaded_stays_closed(desk: Desk) -> None:
    held: list[Route] = []
    desk.page.route("**/api/guide", lambda route: held.append(route))
    desk.press("guide")
    until(lambda: desk.page.wait_for_timeout(50) or held, 10, "the guide to be asked for")
    desk.press("close")
    desk.press("keys")
    with desk.page.expect_response("**/api/guide"):
        held[0].continue_()
    desk.page.wait_for_timeout(500)
    assert desk.at("dialog").get_by_role("heading").first.inner_text() == "Keys"
    desk.press("close")
    desk.page.unroute("**/api/guide")


def test_a_palm_neither_ends_a_pens_stroke_nor_begins_one(browser: Browser, drawn: Server) -> None:
    tablet = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True)
    desk = Desk(tablet, drawn.url)
    places, region = way(desk), desk.region()
    touch, pen = touching(desk), writing(desk)
    desk.at("tool-brush").tap()
    desk.at("class-3").tap()
    spots = [desk.spot(place) for place in places]
    zoom, palm = desk.state()["zoom"], [(spots[1][0] + 200, spots[1][1] - 20)]
    touch("touchStart", palm)  # the palm comes first, with the brush in hand
    touch("touchMove", [(palm[0][0] + 3, palm[0][1])])
    pen("mousePressed", spots[0])
    touch("touchMove", [(palm[0][0] + 9, palm[0][1])])
    pen("mouseMoved", spots[1])
    touch("touchEnd", [])
    touch("touchStart", palm)  # and again, while the pen draws
    touch("touchMove", [(palm[0][0] - 9, palm[0][1] + 9)])
    pen("mouseMoved", spots[2])
    pen("mouseReleased", spots[2])
    touch("touchEnd", [])
    mask = painted(region, [(stroke(places, 15, region.shape), 3)])
    np.testing.assert_array_equal(desk.mask(), mask)
    assert (desk.state()["strokes"], desk.state()["zoom"]) == (1, zoom)
    assert spots == [desk.spot(place) for place in places], "the picture stays where it was"
    assert desk.errors == []
    tablet.close()


def test_a_finger_draws_and_two_fingers_move(browser: Browser, drawn: Server) -> None:
    tablet = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, device_scale_factor=2)
    desk = Desk(tablet, drawn.url)
    places, region = way(desk), desk.region()
    desk.at("tool-brush").tap()
    desk.at("class-3").tap()
    touch = touching(desk)
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
