"""Places of most disagreement against brute force; no photograph of data that is not ours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import write

from seglens.bench import load_bench
from seglens.bench.crops import Crop, coloured, disagreement, draw_crops, find_crops, most_in_a_box
from seglens.bench.plan import CropsPlan
from seglens.config import ModelConfig, PartConfig
from seglens.data import open_data, open_labels
from seglens.models import SegNet, build_network
from seglens.training import predict
from seglens.types import IGNORE, Chance, SeglensError

EVAL = PartConfig.model_validate({"name": "streets", "split": "eval", "images": 4, "size": [48, 64]})
SIZE = (48, 64)


@pytest.mark.parametrize("box", [(3, 4), (1, 1), (9, 12), (50, 50)])
def test_the_box_is_the_best_of_all_boxes(box: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(box))
    for _ in range(5):
        mask = rng.random((9, 12)) < 0.3
        h, w = min(box[0], 9), min(box[1], 12)
        sums = {(y, x): int(mask[y : y + h, x : x + w].sum()) for y in range(10 - h) for x in range(13 - w)}
        best = max(sums.values())
        assert most_in_a_box(mask, box) == (best, min(at for at, found in sums.items() if found == best))


def test_a_pixel_is_disputed_unless_all_say_the_same() -> None:
    rng = np.random.default_rng(0)
    guesses = [rng.integers(0, 2, (4, 5)).astype(np.uint8) for _ in range(3)]
    expected = [[len({int(g[y, x]) for g in guesses}) > 1 for x in range(5)] for y in range(4)]
    assert disagreement(guesses).tolist() == expected


@pytest.fixture(scope="module")
def nets() -> dict[str, SegNet]:
    config = ModelConfig(weights="random", width=32, size=SIZE)
    return {
        name: build_network(config, open_data(EVAL).classes, Chance((seed,))).eval()
        for seed, name in enumerate(("a", "b", "full"))
    }


def test_each_stretch_of_the_images_gives_its_most_disputed_place(nets: dict[str, SegNet]) -> None:
    data, truth = open_data(EVAL), open_labels(EVAL)
    plan = CropsPlan(rows=("a", "b"), images=2, box=(16, 20))
    found = find_crops(plan, nets, data, truth, SIZE)
    assert len(found) == 2
    for crop, part in zip(found, (data.ids[:2], data.ids[2:]), strict=True):
        boxes = {}
        for id in part:
            guesses = [predict(nets[row], data.image(id), SIZE) for row in plan.rows]
            boxes[id] = most_in_a_box(disagreement(guesses), plan.box)
        best = max(boxes[id][0] for id in part)
        assert boxes[crop.image] == (best, crop.at)
        assert list(crop.columns) == ["a", "b", "full", "truth"]
        y, x = crop.at
        assert (crop.columns["truth"] == truth.label(crop.image)[y : y + 16, x : x + 20]).all()
        assert (
            crop.columns["full"] == predict(nets["full"], data.image(crop.image), SIZE)[y : y + 16, x : x + 20]
        ).all()


def test_photographs_stand_only_where_asked_for(nets: dict[str, SegNet]) -> None:
    data = open_data(EVAL)
    crop = find_crops(
        CropsPlan(rows=("a", "b"), images=1, box=(16, 20), photos=True), nets, data, open_labels(EVAL), SIZE
    )[0]
    y, x = crop.at
    assert list(crop.columns) == ["image", "a", "b", "full", "truth"]
    assert (crop.columns["image"] == data.image(crop.image)[y : y + 16, x : x + 20]).all()


def test_photographs_of_others_are_refused(tmp_path: Path) -> None:
    rows = ["default", "random superpixels"]
    assert load_bench(write(tmp_path, crops={"rows": rows, "photos": True})).plan.crops
    data = {"data": {"name": "camvid", "root": "x"}, "eval_data": {"name": "camvid", "root": "x", "splits": ["val"]}}
    path = write(tmp_path, crops={"rows": rows, "photos": True})
    settings = [f"base.{key}={value}" for key, value in data.items()]
    with pytest.raises(SeglensError, match="photos: found true for the data 'camvid', whose photographs"):
        load_bench(path, settings=settings)
    assert load_bench(write(tmp_path, crops={"rows": rows}), settings=settings)


def test_the_picture_is_small_and_holds_the_colours_of_the_classes() -> None:
    classes = open_data(EVAL).classes
    rng = np.random.default_rng(0)
    label = np.full((40, 60), 3, np.uint8)
    label[:, 30:] = IGNORE
    crops = [Crop("x", (0, 0), {"a": label, "truth": label})]
    picture = np.array(Image.open(io.BytesIO(draw_crops(crops, classes))).convert("RGB")).reshape(-1, 3)
    shown = {tuple(int(v) for v in colour) for colour in np.unique(picture, axis=0)}
    assert {tuple(classes.colors[3]), (224, 224, 224)} <= shown
    assert (coloured(label, classes)[0, 0] == classes.colors[3]).all()
    photo = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    noisy = [Crop("x", (0, 0), {"image": photo, "truth": np.full((120, 160), 3, np.uint8)})] * 2
    assert len(draw_crops(noisy, classes, 60_000)) <= 60_000
