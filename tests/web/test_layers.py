"""What the layers show, pixel by pixel, against the maps that the run stored when it asked."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Desk, nearby, until, wait_for_people
from PIL import Image
from playwright.sync_api import BrowserContext
from tiny import TINY

from seglens.data import open_data
from seglens.files import encode_id, read_arrays
from seglens.loop import drive, load_config
from seglens.store import Repository
from seglens.types import Answer, AnswerStatus, ByteArray, Cost, FloatArray, Provenance

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
        assert desk.errors == []
