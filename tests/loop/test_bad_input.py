"""Bad input: one clear error each, and nothing lost."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import contents, finish, limited, resume, spawn, start, tiny

from seglens.config import resolve
from seglens.loop import create, drive
from seglens.store import Repository
from seglens.types import SeglensError


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Four small images with masks of three classes."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for name in "abcd":
        mask = np.repeat(np.repeat(rng.integers(0, 3, (4, 6), np.uint8), 16, 0), 16, 1)
        image = (mask[..., None] * 80 + rng.integers(0, 40, (64, 96, 3))).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.jpg")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "classes.yaml").write_text("names: [road, car, sky]\n")
    return tmp_path


def on(pool: Path, **changes: Any) -> Any:
    part = {"name": "folder", "images": str(pool / "images"), "classes": str(pool / "classes.yaml")}
    values = {"data": part | {"masks": str(pool / "masks")}, "eval_data": None, "rounds": 1, "budget": {"initial": 6}}
    return tiny(pool, **(values | changes))


def test_a_truncated_image_stops_the_run_and_its_repair_lets_it_go_on(pool: Path) -> None:
    path = pool / "images" / "c.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    create(pool / "run", on(pool))
    with pytest.raises(SeglensError, match=r"c\.jpg"):
        drive(pool / "run")
    path.write_bytes(whole)
    resume(pool / "run")
    assert len(contents(pool / "run")) > 1


@pytest.mark.parametrize(
    ("mask", "words"),
    [(np.zeros((64, 90), np.uint8), r"64.*90.*64.*96|90.*96"), (np.full((64, 96), 7, np.uint8), r"\b7\b.*0")],
)
def test_a_bad_mask_is_named_and_nothing_is_lost(pool: Path, mask: np.ndarray, words: str) -> None:
    good = {path.name: path.read_bytes() for path in (pool / "masks").iterdir()}
    for name in good:
        Image.fromarray(mask).save(pool / "masks" / name)
    create(pool / "run", on(pool))
    with pytest.raises(SeglensError, match=r"\.png") as caught:
        drive(pool / "run")

    assert re.search(words, str(caught.value)), str(caught.value)
    repo = Repository.of_run(pool / "run")
    questions = [query.id for query in repo.queries()]
    repo.close()
    for name, data in good.items():
        (pool / "masks" / name).write_bytes(data)
    resume(pool / "run")
    repo = Repository.of_run(pool / "run")
    assert [query.id for query in repo.queries()] == questions
    assert len(repo.answered()) == len(questions) > 0
    repo.close()


def test_an_empty_pool_makes_no_run(pool: Path) -> None:
    shutil.rmtree(pool / "images")
    (pool / "images").mkdir()
    with pytest.raises(SeglensError, match="images"):
        create(pool / "run", on(pool))
    assert not (pool / "run").exists()


def test_a_pool_without_masks_cannot_be_simulated(pool: Path) -> None:
    shutil.rmtree(pool / "masks")
    (pool / "masks").mkdir()
    with pytest.raises(SeglensError, match="none with a mask"):
        create(pool / "run", on(pool))
    assert not (pool / "run").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cutt": "grid"}, r"unknown key 'cutt'; did you mean 'cut'\?"),
        ({"train": {"step": 3}}, r"unknown key 'train\.step'; did you mean 'steps'\?"),
        ({"train": {"steps": 0}}, r"train\.steps.*0"),
        ({"model": {"size": [64]}}, r"model\.size"),
    ],
)
def test_an_unknown_or_bad_key_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SeglensError, match=words):
        resolve(values, {}, "my.yaml")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"score": "entropi"}, "did you mean 'entropy'"),
        ({"cut": {"name": "superpixel", "segment": 3}}, "unknown key 'segment'; did you mean 'segments'"),
        ({"settle": {"name": "sieve", "min_pixels": -1}}, "min_pixels"),
        ({"data": {"name": "streets", "images": 0}}, "images"),
    ],
)
def test_a_bad_part_is_named_and_makes_no_run(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(SeglensError, match=words):
        create(tmp_path / "run", tiny(tmp_path, **values))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kib", [8, 100, 300, 700])
def test_no_space_is_one_clear_error_and_the_run_goes_on_later(tmp_path: Path, kib: int) -> None:
    (tmp_path / "config.yaml").write_text(tiny(tmp_path).dump())
    run = tmp_path / "run"
    arguments = ["run", str(run), "--config", str(tmp_path / "config.yaml")]
    assert finish(limited, tmp_path, kib * 1024, arguments) == 1
    said = (tmp_path / "stderr").read_text()
    assert "no space left" in said
    assert "Traceback" not in said
    if (run / "config.yaml").exists():
        assert finish(resume, run) == 0
    else:
        assert finish(start, run, tiny(tmp_path)) == 0
    assert len(contents(run)) > 2


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path))
    child = spawn(resume, run)
    while (run / "lock").read_text() != str(child.pid):
        time.sleep(0.02)
        assert child.is_alive()
    with pytest.raises(SeglensError, match="drives this run"):
        drive(run)
    child.join(120)
    assert child.exitcode == 0


def test_a_changed_pool_is_refused(pool: Path) -> None:
    create(pool / "run", on(pool))
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(pool / "images" / "e.jpg")
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(pool / "masks" / "e.png")
    with pytest.raises(SeglensError, match="the pool is not the one"):
        drive(pool / "run")


def test_a_run_is_not_made_twice(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path))
    with pytest.raises(SeglensError, match="holds a run already"):
        create(tmp_path / "run", tiny(tmp_path))


EXPLAINED: dict[str, Any] = {
    "score": "explainable-error",
    "answer": "mask",
    "settle": "as-answered",
    "pick": "top",
    "budget": {"unit": "image-equivalents", "initial": 1, "per_round": 1},
}


def test_a_layer_that_does_not_exist_is_refused_before_anything_is_trained(pool: Path) -> None:
    score = {"name": "explainable-error", "layer": "stride-3"}
    with pytest.raises(SeglensError, match=r"key 'layer', found 'stride-3'\. Allowed for model 'fpn': bottleneck, .*"):
        create(pool / "run", on(pool, **EXPLAINED | {"score": score}))
    assert not (pool / "run").exists()


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (np.ones((64, 90), np.float32), r"b\.npy: the depth map is 64x90, its image 64x96"),
        (np.zeros((64, 96), np.float32), r"\.npy: the depth map says nothing: 0 of 6144 pixels are valid"),
    ],
)
def test_depth_that_cannot_be_used_is_refused_before_anything_is_trained(
    pool: Path, depth: np.ndarray, words: str
) -> None:
    (pool / "depth").mkdir()
    for name in "abcd":
        zero = not depth.any()
        np.save(pool / "depth" / f"{name}.npy", depth if zero or name == "b" else np.full((64, 96), 9, np.float32))
    files = {"name": "files", "folder": str(pool / "depth"), "kind": "metres"}
    create(pool / "run", on(pool, **EXPLAINED | {"depth": files}))
    with pytest.raises(SeglensError, match=words):
        drive(pool / "run")
    assert not (pool / "run" / "rounds").exists()


def test_a_machine_that_costs_no_clicks_cannot_be_paid_in_clicks(pool: Path) -> None:
    machine = {"ask": "machine", "companions": ["ema-teacher"], "budget": {"unit": "clicks", "initial": 9}}
    with pytest.raises(SeglensError, match=r"budget\.unit: clicks, but ask 'machine' costs none; allowed: pixels, .*"):
        create(pool / "run", on(pool, **EXPLAINED | machine))


def test_a_machine_without_its_teacher_is_refused(pool: Path) -> None:
    with pytest.raises(
        SeglensError, match=r"companions: 'ask: machine' reads what 'ema-teacher' leaves behind: add ema-teacher"
    ):
        create(pool / "run", on(pool, **EXPLAINED | {"ask": "machine"}))
