"""Thirty questions of a streets run, answered in Chromium by click, key, brush, polygon and superpixel."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from browsing import GRID, Desk, Server, stored, stored_mask, until
from gestures import polygon, stroke
from PIL import Image
from playwright.sync_api import BrowserContext

from seglens.store import LabelFiles
from seglens.store.lock import driver_of
from seglens.types import AnswerStatus, BoolArray, ByteArray

TRAIN = {"rhythm": "interactive", "steps": 300, "batch": 4, "checkpoint_steps": 20}
"""Trains for several looks of the page at the status, so that the page is seen to show it."""
TWELVE = {"unit": "pixels", "initial": 12 * 32 * 32, "per_round": 12 * 32 * 32}
"""Cells of GRID in images of 64 x 96."""


def test_eighteen_by_click_and_key_while_rounds_train_and_the_server_is_killed(
    waiting: Callable[..., Path], context: BrowserContext
) -> None:
    run = waiting(train=TRAIN)
    server = Server(run).start()
    try:
        desk = Desk(context, server.url)
        said: dict[str, int] = {}
        last = None
        for number in range(12):
            question = desk.asked(last)
            last = question["id"]
            assert desk.at("why").inner_text()
            desk.look(0.2)
            said[last] = number % 19
            if number % 2:
                desk.key("1234567890qwrtadzxi"[said[last]])
            else:
                desk.press(f"class-{said[last]}")
        until(lambda: len(stored(run)) == 12, 20, "twelve answers in the store")
        assert {id: found.answer.classes for id, found in stored(run).items()} == {i: (c,) for i, c in said.items()}

        until(lambda: "training" in desk.at("stagename").inner_text(), 60, "the round to train")
        server.kill()
        until(lambda: "cannot be reached" in desk.at("stagename").inner_text(), 20, "the page to notice")
        server.start()
        until(lambda: desk.points() >= 1, 90, "the first point of the curve")
        for number in range(6):
            question = desk.asked(last, 60)
            last = question["id"]
            assert question["round"] == 1
            desk.look(0.2)  # the clock stood still while nobody moved
            if number % 2 and question["suggestion"]:
                said[last] = question["suggestion"]["classes"][0]
                desk.press("accept")
            else:
                said[last] = number
                desk.press(f"class-{number}")
        until(lambda: len(stored(run)) == 18, 20, "eighteen answers in the store")
        assert {id: found.answer.classes for id, found in stored(run).items()} == {i: (c,) for i, c in said.items()}
        assert all(found.answer.cost.clicks == 1 and found.answer.cost.seconds > 0 for found in stored(run).values())
        for _ in range(6):
            last = desk.asked(last)["id"]
            said[last] = 1
            desk.key("2")
        until(lambda: desk.points() >= 2, 120, "the curve to grow")
        assert {id: found.answer.classes for id, found in stored(run).items()} == {i: (c,) for i, c in said.items()}
        until(lambda: "finished" in desk.at("stagename").inner_text(), 60, "the run to finish")
        assert desk.at("empty").is_visible()
        assert desk.errors == []
    finally:
        server.stop()


def test_twelve_by_brush_polygon_and_superpixel_undone_reloaded_and_exact_after_the_server_is_killed(
    waiting: Callable[..., Path], context: BrowserContext
) -> None:
    run = waiting(answer="dense", cut=GRID, budget=TWELVE, settle="as-answered", train=TRAIN)
    server = Server(run).start()
    try:
        desk = Desk(context, server.url)
        expected, labels = draw_twelve(desk)
        until(lambda: "training" in desk.at("stagename").inner_text(), 60, "the round to train")
        server.kill()
        until(lambda: "cannot be reached" in desk.at("stagename").inner_text(), 20, "the page to notice")
        server.start()
        until(lambda: desk.points() >= 1, 90, "the first point of the curve")
        answers = stored(run)
        assert set(answers) == set(expected)
        for id, mask in expected.items():
            assert answers[id].answer.status is AnswerStatus.ANSWERED
            np.testing.assert_array_equal(stored_mask(answers[id]), mask)
        files = LabelFiles(run)
        assert set(files.ids()) == set(labels)
        for image, label in labels.items():
            np.testing.assert_array_equal(files.read(image).label, label)
        until(lambda: driver_of(run) is None, 60, "the driver whose server was killed to wait for nobody")
        assert desk.errors == []
    finally:
        server.stop()


def draw_twelve(desk: Desk) -> tuple[dict[str, ByteArray], dict[str, ByteArray]]:
    """Answer twelve questions; what was drawn by question, and together by image."""
    expected: dict[str, ByteArray] = {}
    labels: dict[str, ByteArray] = {}
    last = None
    for number in range(12):
        question = desk.asked(last)
        last = question["id"]
        top, left, bottom, right = question["region"]["box"]
        region = desk.region()
        mask = np.full(region.shape, 255, np.uint8)
        way = [(top + 2, left + 2), (top + 9, left + 14), (bottom - 3, right - 5)]
        desk.key("3")
        if number % 3 == 0:
            desk.key("b")
            desk.drag(way)
            paint(mask, region, stroke(way, 15, region.shape), 2)
            desk.key("e")
            desk.drag(way[:2])
            paint(mask, region, stroke(way[:2], 15, region.shape), 255)
            desk.key("Control+z")
            paint(mask, region, stroke(way, 15, region.shape), 2)
        elif number % 3 == 1:
            desk.key("p")
            corners = [(top + 1, left + 1), (top + 3, right - 4), (bottom - 6, left + 12)]
            for corner in corners:
                desk.click(corner)
                desk.page.wait_for_timeout(30)
            desk.key("Enter")
            paint(mask, region, polygon(corners, region.shape), 2)
        else:
            desk.key("s")
            scale = ("fine", "medium", "coarse")[number // 3 % 3]
            desk.press(f"scale-{scale}")
            ids = superpixels(desk, question["image"], scale)
            desk.page.wait_for_timeout(400)
            places = [(top + 4, left + 4), (top + 5, left + 18), (bottom - 4, right - 4)]
            desk.drag(places[:2])
            desk.key("6")
            desk.click(places[2])
            for place, value in zip(places, (2, 2, 5), strict=True):
                paint(mask, region, ids == ids[place], value)
        np.testing.assert_array_equal(desk.mask(), mask)
        if number in (4, 5, 6):
            desk.saved()
            desk.reload()
            assert desk.asked()["id"] == last
            np.testing.assert_array_equal(desk.mask(), mask)
            desk.press("undo")
            desk.press("redo")
            np.testing.assert_array_equal(desk.mask(), mask)
        expected[last] = mask
        label = labels.setdefault(question["image"], np.full_like(mask, 255))
        label[mask != 255] = mask[mask != 255]
        desk.press("submit")
    return expected, labels


def paint(mask: ByteArray, region: BoolArray, covered: BoolArray, value: int) -> None:
    mask[covered & region] = value


def superpixels(desk: Desk, image: str, scale: str) -> Any:
    """(h, w) int: the ids that the server gives out, read by Pillow."""
    found = desk.page.request.get(f"{desk.url}/api/ids", params={"image": image, "scale": scale})
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(found.body()))).astype(int), -1, 0)
    return red + 256 * green + 65536 * blue
