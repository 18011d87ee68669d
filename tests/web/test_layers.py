"""What the layers show, pixel by pixel, against the maps that the run stored when it asked."""

from __future__ import annotations

import base64
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Desk, nearby, until, wait_for_people
from PIL import Image
from playwright.sync_api import BrowserContext
from scipy import ndimage
from tiny import TINY

from seglens.data import open_data
from seglens.files import encode_id, read_arrays
from seglens.loop import drive, load_config
from seglens.store import Repository
from seglens.types import Answer, AnswerStatus, BoolArray, ByteArray, Cost, FloatArray, Provenance

STOPS = [[10, 8, 40], [80, 18, 110], [180, 50, 110], [245, 120, 70], [253, 230, 150]]
"""Colours of the heat scale at 0, 1/4, 1/2, 3/4 and 1."""
PICTURE = "(canvas) => canvas.toDataURL('image/png')"


def asked_with_maps(folder: Path, native: list[int], size: list[int]) -> Path:
    """A run that asks for the second time: with a model, by its explainable error."""
    images: dict[str, Any] = {
        "data": {**TINY["data"], "size": native},
        "eval_data": {**TINY["eval_data"], "size": native},
    }
    model = {"name": "fpn", "size": size, "width": 32}
    run = wait_for_people(folder, score="explainable-error", depth="exact", pick="top", model=model, **images)
    repo = Repository.of_run(run)
    for number, query in enumerate(repo.open_queries()):
        cost = Cost(1.0, query.region.pixels, 2.0)
        classes = (number % 5,)
        repo.add_answers([Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, classes, annotator="ana")])
    repo.close()
    drive(run)
    return run


def heat(values: FloatArray, low: float, high: float) -> ByteArray:
    """(h, w, 3): the colours of a map on the scale from low to high, in 256 steps."""
    steps = np.rint((values.astype(np.float64) - low) / (high - low) * 255)
    colors = [np.interp(steps / 255, np.linspace(0, 1, 5), [stop[i] for stop in STOPS]) for i in range(3)]
    return np.floor(np.stack(colors, -1) + 0.5).astype(np.uint8)


@pytest.mark.parametrize(("native", "size"), [([64, 96], [64, 96]), ([75, 101], [61, 83])])
def test_layers_show_the_stored_maps(
    tmp_path: Path, context: BrowserContext, native: list[int], size: list[int]
) -> None:
    run = asked_with_maps(tmp_path, native, size)
    data = open_data(load_config(run).data)
    colors = np.array(data.classes.colors, np.uint8)
    with nearby(run) as url:
        desk = Desk(context, url)
        question = desk.asked()
        assert (question["round"], question["size"]) == (1, native)
        maps = read_arrays(run / "rounds" / "001" / "maps" / f"{encode_id(question['image'])}.npz")
        desk.at("own-colors").check()

        def shown(name: str) -> ByteArray:
            canvas = desk.page.locator(f"canvas.layer-{name}")
            desk.at(f"layer-{name}").check()
            until(lambda: canvas.evaluate("(canvas) => canvas.width > 1"), 20, f"the layer {name}")
            coded = canvas.evaluate(PICTURE).split(",", 1)[1]
            with Image.open(BytesIO(base64.b64decode(coded))) as picture:
                found = np.asarray(picture.convert("RGBA"))
            assert (found[..., 3] == 255).all()
            return found[..., :3]

        score = maps["score"]
        assert {maps[name].shape for name in ("entropy", "proximity", "score", "prediction")} == {tuple(size)}
        assert all(np.ptp(maps[name].astype(np.float64)) > 0.05 for name in ("entropy", "proximity", "score"))
        np.testing.assert_array_equal(shown("entropy"), heat(maps["entropy"], 0, 1))
        np.testing.assert_array_equal(shown("proximity"), heat(maps["proximity"], 0, 1))
        np.testing.assert_array_equal(shown("eem"), heat(score, float(score.min()), float(score.max())))
        assert len(np.unique(maps["prediction"])) > 1
        np.testing.assert_array_equal(shown("prediction"), colors[maps["prediction"]])
        for name in ("entropy", "proximity", "eem", "prediction"):
            desk.at(f"layer-{name}").uncheck()
        desk.press("zoom-all")
        picture = data.image(question["image"]).astype(np.float64)
        inside, outside = (brightest(picture, part) for part in (desk.region(), ~desk.region()))
        photo = desk.color(inside)  # a JPEG
        np.testing.assert_allclose(photo, picture[inside], atol=15)
        look_at_the_photo(desk, inside, outside, photo)
        if native == size:
            look_at_a_layer(desk, inside, photo, heat(maps["entropy"], 0, 1)[inside].astype(np.float64))
        assert desk.errors == []


def brightest(picture: FloatArray, mask: BoolArray) -> tuple[int, int]:
    """A pixel of a mask, not at its border."""
    light = np.where(ndimage.binary_erosion(mask), picture.min(-1), -1)
    y, x = np.unravel_index(int(light.argmax()), mask.shape)
    return int(y), int(x)


def look_at_the_photo(desk: Desk, inside: tuple[int, int], outside: tuple[int, int], photo: FloatArray) -> None:
    """Brightness, contrast, the photo's own switch and strength, and what is dark outside: on the screen."""
    near = partial(np.testing.assert_allclose, atol=2)
    near(desk.color(inside), photo)
    desk.at("brightness").fill("50")
    near(desk.color(inside), 0.5 * photo)
    desk.at("brightness").fill("100")
    desk.at("contrast").fill("40")
    near(desk.color(inside), 0.4 * (photo - 127.5) + 127.5)
    desk.at("contrast").fill("100")
    near(desk.color(inside), photo)
    desk.at("layer-image").uncheck()
    ground = desk.color(inside)
    assert abs(ground - photo).max() > 20
    desk.at("layer-image").check()
    desk.at("fade-image").fill("50")
    near(desk.color(inside), (photo + ground) / 2)
    desk.at("fade-image").fill("100")
    desk.at("fade-dim").fill("0")
    bare = desk.color(outside)
    desk.at("fade-dim").fill("60")
    near(desk.color(outside), 0.4 * bare)
    near(desk.color(inside), photo)


def look_at_a_layer(desk: Desk, inside: tuple[int, int], photo: FloatArray, value: FloatArray) -> None:
    """A layer's switch and strength on the screen."""
    near = partial(np.testing.assert_allclose, atol=2)
    assert abs(value - photo).max() > 20
    desk.at("layer-entropy").check()
    for strength in (100, 50, 0):
        desk.at("fade-entropy").fill(str(strength))
        near(desk.color(inside), photo + (value - photo) * strength / 100)
    desk.at("fade-entropy").fill("100")
    desk.at("layer-entropy").uncheck()
    near(desk.color(inside), photo)
    layers = desk.page.evaluate("fetch('/api/run').then((got) => got.json())")["layers"]
    for color in (value, photo):
        desk.key(f"Alt+{layers.index('entropy') + 1}")
        near(desk.color(inside), color)
