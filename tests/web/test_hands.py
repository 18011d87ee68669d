"""What hands do beside drawing: taking back, pinching with a tool in hand, keys, a look at neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from browsing import Desk, nearby, stored, touching, until
from gestures import painted, polygon, stroke
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
        desk.key("Alt+ArrowLeft")
        until(lambda: desk.spot((0, 0))[0] > before[0] + 70, 5, "the picture to move")
        desk.key("Control+ArrowUp")
        assert desk.at("brightness").input_value() == "110"
        desk.key("Control+Shift+ArrowDown")
        assert desk.at("contrast").input_value() == "90"
        desk.key("Alt+-")
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


def test_everything_is_placed_without_a_pointer(tmp_path: Path, context: BrowserContext) -> None:
    run = make_run(tmp_path, kinds=("dense", "point"), count=2)
    with nearby(run) as url:
        desk = Desk(context, url)
        question, region, keyboard = desk.asked(), desk.region(), desk.page.keyboard
        top, left, bottom, right = question["region"]["box"]
        y, x = (top + bottom) // 2, (left + right) // 2
        drawn = "document.querySelector('[data-test=hud]').toDataURL()"
        plain = desk.page.evaluate(drawn)
        desk.key("ArrowUp")  # shows the cursor, in the middle of the region
        desk.page.wait_for_function(f"(plain) => {drawn} !== plain", arg=plain)
        keys(desk, *["+"] * 4, *["Shift+ArrowLeft"] * 3)
        frame = desk.at("stage-frame").bounding_box()
        assert frame is not None
        until(lambda: desk.spot((y, 0))[0] > frame["x"], 5, "the picture to follow the cursor to its border")
        keys(desk, "f", *["Shift+ArrowRight"] * (x // 10), *["ArrowRight"] * (x % 10))
        keys(desk, "b", "3")
        keyboard.down("Space")
        keys(desk, "Shift+ArrowRight", "ArrowDown", "ArrowDown")
        keyboard.up("Space")
        keys(desk, "e", "Shift+Space", "ArrowLeft", "ArrowLeft", "Shift+Space", "ArrowDown")
        keys(desk, "p", "5", "Space", "Shift+ArrowUp", "Space", "Shift+ArrowLeft", "Space", "Enter")
        corners = [(y + 3, x + 8), (y - 7, x + 8), (y - 7, x - 2)]
        size = region.shape
        expected = painted(
            region,
            [
                (stroke([(y, x), (y, x + 10), (y + 2, x + 10)], 15, size), 2),
                (stroke([(y + 2, x + 10), (y + 2, x + 8)], 15, size), 255),
                (polygon(corners, size), 4),
            ],
        )
        np.testing.assert_array_equal(desk.mask(), expected)
        labelled, blue = (y - 4, x + 6), np.array([0, 114, 178])
        assert expected[labelled] == 4
        desk.at("fade-mask").fill("0")
        bare = desk.color(labelled)
        for strength in (100, 50):
            desk.at("fade-mask").fill(str(strength))
            np.testing.assert_allclose(desk.color(labelled), bare + (blue - bare) * strength / 100, atol=2)
        desk.at("stage-frame").focus()
        keys(desk, "b", "1", "Shift+Space", "ArrowUp", "Escape")  # a stroke that is dropped
        keys(desk, "b", "Shift+Space", "ArrowUp", "e", "ArrowDown", "Shift+Space")  # and by taking another tool
        np.testing.assert_array_equal(desk.mask(), expected)
        keys(desk, "c", "7")
        with desk.page.expect_request("**/cut-out") as asked:
            desk.key("Space")
        assert json.loads(asked.value.post_data or "")["inside"] == [[y - 8, x - 2]]
        keys(desk, "s", "8")

        def filled() -> bool:
            desk.key("Space")
            return bool(desk.mask()[y - 8, x - 2] == 7)

        until(filled, 10, "a superpixel to be filled")
        desk.page.mouse.move(*desk.spot((y, x)))
        desk.page.mouse.move(*desk.spot((y, x + 3)))
        desk.page.wait_for_function(f"(plain) => {drawn} === plain", arg=plain)  # the pointer has it again
        keys(desk, "Control+Enter")
        point = desk.asked(question["id"])
        top, left, bottom, right = point["region"]["box"]
        keys(desk, "ArrowLeft", "ArrowLeft", "Space", "4")
        until(lambda: point["id"] in stored(run), 10, "the point to be stored")
        answer = stored(run)[point["id"]].answer
        assert (answer.point, answer.classes) == (((top + bottom) // 2, (left + right) // 2 - 1), (3,))
        assert stored(run)[question["id"]].answer.cost.clicks >= 8
        assert desk.errors == []


def keys(desk: Desk, *names: str) -> None:
    for name in names:
        desk.key(name)
