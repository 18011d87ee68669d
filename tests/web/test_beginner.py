"""From a folder of images without a single mask, in the page, to a first model and a report."""

from __future__ import annotations

from pathlib import Path

from browsing import Desk, serving, until
from PIL import Image
from playwright.sync_api import BrowserContext
from tiny import tiny

from seglens.data.streets import Streets, StreetsParams
from seglens.loop import create, drive, model_path


def test_from_images_to_a_first_model_and_a_report(tmp_path: Path, context: BrowserContext) -> None:
    streets = Streets(StreetsParams(split="pool", images=4, size=(64, 96)))
    images = tmp_path / "images"
    images.mkdir()
    for number, id in enumerate(streets.ids):
        Image.fromarray(streets.image(id)).save(images / f"{number}.png")
    (tmp_path / "classes.yaml").write_text("names: [road, building, sky, something else]\n")
    data = {"name": "folder", "images": str(images), "classes": str(tmp_path / "classes.yaml")}
    budget = {"unit": "clicks", "initial": 6, "per_round": 6}
    run = tmp_path / "run"
    create(run, tiny(tmp_path, data=data, eval_data=None, ask="human", rounds=1, budget=budget))
    drive(run)
    with serving(run) as server:
        desk = Desk(context, server.url)
        last = None
        for number in range(6):
            last = desk.asked(last)["id"]
            desk.press(f"class-{number % 4}")
        until(lambda: "finished" in desk.at("stagename").inner_text(), 90, "the first model")
        assert model_path(run, 0).is_file()
        with context.expect_page() as opened:
            desk.press("report")
        opened.value.wait_for_load_state()
        assert "something else" in opened.value.content()
        assert desk.errors == []
