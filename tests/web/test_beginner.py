"""From a folder of images without a single mask, in the page, to a first model and a report."""

from __future__ import annotations

import json
from pathlib import Path

from browsing import Desk, Server, until
from PIL import Image
from playwright.sync_api import BrowserContext
from tiny import TINY

from seglens.data.streets import Streets, StreetsParams
from seglens.loop import model_path

LEFT_OUT = ("data", "eval_data")


def test_from_images_to_a_first_model_and_a_report(tmp_path: Path, context: BrowserContext) -> None:
    streets = Streets(StreetsParams(split="pool", images=4, size=(64, 96)))
    images = tmp_path / "images"
    images.mkdir()
    for number, id in enumerate(streets.ids):
        Image.fromarray(streets.image(id)).save(images / f"{number}.png")
    budget = {"unit": "clicks", "initial": 6, "per_round": 6}
    changed = {**TINY, "rounds": 1, "budget": budget, "cache": {"dir": str(tmp_path / "cache")}}
    settings = [f"--set={key}={json.dumps(value)}" for key, value in changed.items() if key not in LEFT_OUT]
    run = tmp_path / "run"
    classes = "road,building,sky,something else"
    server = Server(images, "--run", str(run), "--classes", classes, *settings).start()
    try:
        desk = Desk(context, server.url)
        assert desk.at("empty").is_visible()
        last = None
        for number in range(6):
            last = desk.asked(last, 60)["id"]
            desk.press(f"class-{number % 4}")
        until(lambda: "finished" in desk.at("stagename").inner_text(), 90, "the first model")
        assert model_path(run, 0).is_file()
        with context.expect_page() as opened:
            desk.press("report")
        opened.value.wait_for_load_state()
        assert "something else" in opened.value.content()
        assert desk.errors == []
    finally:
        server.stop()
