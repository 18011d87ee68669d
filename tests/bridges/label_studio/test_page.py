"""A person at the server's own page, in a real browser: what it submits is read exactly."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import studio
from playwright.sync_api import Page, sync_playwright
from runs import blobs, images, make_run, question
from scipy.ndimage import binary_erosion
from studio import Studio

from seglens.bridges.label_studio import LabelStudio, Place, Shown, pull, push
from seglens.bridges.label_studio.labelling import Tool
from seglens.functional.native import to_native
from seglens.functional.run_lengths import decode
from seglens.types import AnswerKind, Query

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.label_studio,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PREDICTED = blobs((16, 24), 9)
SECONDS = 90
"""How long the page may take to show a task on a busy machine."""


def look(query: Query) -> Shown:
    return Shown("why", PREDICTED)


@pytest.fixture(scope="module")
def page(server: Studio) -> Iterator[Page]:
    """A page of a logged-in person."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(SECONDS * 1000)
        page.goto(f"{server.url}/user/login/")
        page.fill("input[name=email]", studio.EMAIL)
        page.fill("input[name=password]", studio.PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        yield page
        browser.close()


@pytest.mark.parametrize("tool", Tool)
@pytest.mark.parametrize("stroke", [False, True])
def test_what_the_page_submits(
    stroke: bool, tool: Tool, server: Studio, api: httpx.Client, page: Page, tmp_path: Path
) -> None:
    """The proposal as it was; or with a stroke of class 'car' (key 2) across it, which covers what it crosses."""
    data = images(tmp_path)
    asked = question(data, data.ids[1], AnswerKind.DENSE, 0)
    inside = decode(asked.region.runs, asked.region.size)
    repo = make_run(tmp_path / "run", [asked])
    with LabelStudio(server.url, studio.LEGACY) as client:
        place = Place(server.root, str(server.root))
        (project,) = push(client, repo, "in the browser", data, look, place, tool).projects
        page.goto(f"{server.url}/projects/{project['id']}/data?labeling=1")
        page.get_by_text("Why: why").first.wait_for()
        page.wait_for_function("() => document.querySelectorAll('[class*=outliner-item]').length > 2")
        if stroke:
            box = page.locator("canvas").first.bounding_box()
            assert box is not None
            # the bitmask tool begins no stroke on something drawn already
            bare = np.argwhere(binary_erosion(~inside, iterations=3))[0]
            y, x = (bare + 0.5) / asked.region.size
            page.keyboard.press("2")
            page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6, steps=12)
            page.mouse.up()
        page.get_by_role("button", name="Submit").first.click()
        end = time.monotonic() + SECONDS
        while not (found := pull(client, repo, data.classes, look)).new and time.monotonic() < end:
            assert found.refused == []
            page.wait_for_timeout(500)
    assert found.new == 1
    (pair,) = repo.answered()
    proposed = to_native(PREDICTED, asked.region.size)[inside]
    assert pair.answer.dense is not None
    changed = pair.answer.dense != proposed
    assert (changed.sum() > 30) == stroke
    assert (pair.answer.dense[changed] == 1).all()
    assert pair.answer.cost.seconds > 0  # measured by the page
    repo.close()
