"""What hands do beside drawing: taking back, pinching with a tool in hand, keys, a look at neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from browsing import Desk, nearby, touching, until
from playwright.sync_api import Browser, BrowserContext
from served import make_run


def test_classes_and_a_point_are_taken_back_and_said_again(tmp_path: Path, context: BrowserContext) -> None:
    with nearby(make_run(tmp_path, kind="class-set")) as url:
        desk = Desk(context, url)
        desk.asked()
        assert desk.at("undo").is_disabled()
        for key in "152":
            desk.key(key)
        desk.key("Control+z")
        desk.press("undo")
        assert desk.state()["classes"] == [0]
        desk.press("redo")
        assert desk.state()["classes"] == [0, 4]
        assert desk.errors == []


def test_two_fingers_with_a_tool_in_hand_only_move(tmp_path: Path, browser: Browser) -> None:
    tablet = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True)
    for kind in ("point", "dense"):
        (tmp_path / kind).mkdir()
        with nearby(make_run(tmp_path / kind, kind=kind)) as url:
            desk = Desk(tablet, url)
            top, left, _, _ = desk.asked()["region"]["box"]
            sent: list[str] = []
            desk.page.on("request", lambda request, sent=sent: sent.append(request.url))
            touch = touching(desk)
            for tool in ["polygon", "cut-out"] if kind == "dense" else [""]:
                if tool:
                    desk.at(f"tool-{tool}").tap()
                zoom = desk.state()["zoom"]
                x, y = desk.spot((top + 8, left + 8))
                touch("touchStart", [(x, y)])
                touch("touchStart", [(x, y), (x + 60, y)])
                touch("touchMove", [(x, y), (x + 120, y)])
                touch("touchEnd", [])
                desk.page.wait_for_function(f"window.seglens.state().zoom > {1.5 * zoom}")
                assert desk.page.evaluate("window.seglens.session.naming.point") is None
                assert desk.page.evaluate("window.seglens.session.clicks") == 0
                assert not [url for url in sent if url.endswith("/cut-out")]
                desk.press("zoom-region")
            assert desk.errors == []
    tablet.close()


def test_click_to_segment_excludes_after_its_switch(tmp_path: Path, context: BrowserContext) -> None:
    with nearby(make_run(tmp_path, kind="dense")) as url:
        desk = Desk(context, url)
        top, left, bottom, right = desk.asked()["region"]["box"]
        desk.key("c")
        with desk.page.expect_request("**/cut-out"):
            desk.click((top + 8, left + 8))
        until(lambda: desk.state()["strokes"] == 1, 10, "the first result")
        desk.key("/")
        assert desk.at("cut-out-belongs-not").get_attribute("aria-pressed") == "true"
        with desk.page.expect_request("**/cut-out") as second:
            desk.click((bottom - 4, right - 4))
        body = json.loads(second.value.post_data or "")
        assert (body["inside"], body["outside"]) == ([[top + 8, left + 8]], [[bottom - 4, right - 4]])
        until(lambda: "Nothing new" in desk.at("tells").inner_text(), 10, "the same result again")
        desk.click((top + 12, left + 12))
        until(lambda: desk.state()["strokes"] == 2, 10, "the second result")
        seen = [desk.mask()]
        for key in ("Control+z", "Control+z"):
            desk.key(key)
            seen.append(desk.mask())
        assert [bool((mask != 255).any()) for mask in seen] == [True, True, False]
        assert (seen[0] != seen[1]).any()
        for mask in seen[1::-1]:
            desk.key("Control+Shift+z")
            np.testing.assert_array_equal(desk.mask(), mask)
        desk.key("Control+z")
        desk.page.wait_for_timeout(100)
        with desk.page.expect_request("**/cut-out") as third:  # the clicks went back with the result
            desk.click((bottom - 4, left + 4))
        body = json.loads(third.value.post_data or "")
        assert (body["inside"], body["outside"]) == ([[top + 8, left + 8]], [[bottom - 4, left + 4]])
        assert desk.errors == []


def test_keys_move_the_picture_and_look_at_neighbours(tmp_path: Path, context: BrowserContext) -> None:
    with nearby(make_run(tmp_path, kind="dense")) as url:
        desk = Desk(context, url)
        desk.asked()
        before = np.asarray(desk.spot((0, 0)))
        desk.key("Shift+ArrowLeft")
        until(lambda: desk.spot((0, 0))[0] > before[0] + 70, 5, "the picture to move")
        desk.key("Control+ArrowUp")
        assert desk.at("brightness").input_value() == "110"
        desk.key("Control+Shift+ArrowDown")
        assert desk.at("contrast").input_value() == "90"
        desk.key("Alt+ArrowDown")
        assert desk.at("fade-image").input_value() == "90"
        theme = "document.documentElement.dataset.theme"
        desk.key("Shift+t")
        was = desk.page.evaluate(theme)
        desk.key("Shift+t")
        assert {was, desk.page.evaluate(theme)} == {"dark", "light"}
        desk.page.locator(".neighbours button").first.wait_for()
        desk.key(".")
        assert desk.at("peek").is_visible()
        desk.press("zoom-in")
        desk.page.wait_for_timeout(200)
        same = (
            "['peek', 'stage'].map((n) => document.querySelector(`[data-test=${n}]`).getBoundingClientRect().toJSON())"
        )
        peek, stage = desk.page.evaluate(same)
        assert peek == stage
        desk.key(",")
        assert not desk.at("peek").is_visible()
        assert desk.errors == []
