"""The published protocols of DEAL and PixelPick: the files say what the papers do, and begin as these do."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seglens.acquisition.presets import load_preset
from seglens.bench import load_bench
from seglens.bench.plan import FULL
from seglens.cli import app
from seglens.config import RunConfig
from seglens.loop.check import check
from seglens.loop.machine import silent
from seglens.loop.stages import Stages
from seglens.loop.workbench import Workbench
from seglens.store import Repository
from seglens.types import AnswerKind, Query, Unit

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
DEAL, PIXELPICK = FOLDER / "deal-camvid.yaml", FOLDER / "pixelpick-camvid.yaml"
IMAGES, MEASURED = 367, 101
"""Of CamVid's train and val."""


def rows(file: Path, root: Path | None = None) -> dict[str, RunConfig]:
    """The config of each row's first seed; with ``root``, of data that lies there."""
    moved = () if root is None else tuple(f"base.{key}.root={root}" for key in ("data", "eval_data"))
    return {run.row: run.config for run in load_bench(file, None, moved).runs if run.seed == 0}


@pytest.mark.parametrize("file", [DEAL, PIXELPICK], ids=lambda file: file.stem)
def test_every_row_trains_alike_on_the_whole_images_of_five_seeds(file: Path) -> None:
    runs = load_bench(file).runs
    seeds = {row: sorted(run.seed for run in runs if run.row == row) for row in rows(file)}
    assert all(found == [0, 1, 2, 3, 4] for found in seeds.values())
    first, same = runs[0].config, {"model", "train", "data", "eval_data"}
    assert all(run.config.model_dump(include=same) == first.model_dump(include=same) for run in runs)
    assert first.eval_data is not None
    assert (first.data.params()["splits"], first.eval_data.params()["splits"]) == (["train"], ["val"])
    assert (first.model.name, first.model.size) == ("deeplabv3plus", (360, 480))
    train = first.train
    assert (train.rhythm, train.restart, train.batch, train.steps) == ("finetune", "pretrained", 4, None)
    assert (train.crop, train.loss_pixels, train.class_weights, train.ema) == (None, 360 * 480, "none", 0)


def test_deals_training_and_budget() -> None:
    """10 % of 367 images, 5 % a round to 40 %; 100 epochs of SGD at 0.01, ten times that on the head."""
    for row, config in rows(DEAL).items():
        assert (config.train.epochs, config.train.optimiser) == (100, "sgd")
        assert (config.train.encoder_lr, config.train.lr) == (0.01, 0.1)
        if row == FULL:
            continue
        budget = config.budget
        assert (budget.unit, config.rounds) == (Unit.IMAGES, 7)
        assert budget.initial == round(0.10 * IMAGES)
        assert budget.per_round == round(0.05 * IMAGES)
        assert 0.39 < (budget.initial + 6 * budget.per_round) / IMAGES <= 0.40
        assert (config.cut.name, config.answer) == ("image", AnswerKind.DENSE)


def test_deals_rows_choose_from_a_random_half_by_what_the_paper_compares() -> None:
    found = rows(DEAL)
    assert set(found) == {FULL, "random", "entropy", "core-set", "QBC", "VAAL", "DEAL DS", "DEAL DE"}
    presets = {"random": "random-image", "entropy": "entropy-image", "core-set": "core-set", "QBC": "qbc"}
    presets |= {"VAAL": "vaal", "DEAL DS": "deal-ds", "DEAL DE": "deal-de"}
    for row, preset in presets.items():
        config = found[row]
        assert config.preset == preset
        assert config.narrow[0].model_dump() == {"name": "random-subset", "fraction": 0.5}
        assert all(part.params()["images"] == config.budget.per_round for part in config.narrow[1:])
        mine = [part.name for part in config.narrow[1:]]
        named = [part["name"] for part in load_preset(preset).get("narrow", []) if part["name"] != "random-subset"]
        assert mine == named
    rules = {row: found[row].narrow[1].params() for row in ("DEAL DS", "DEAL DE")}
    assert rules["DEAL DS"] == {"images": 18, "rule": "ds"}
    assert rules["DEAL DE"] == {"images": 18, "rule": "de", "levels": 8}


def test_pixelpicks_training_and_budget() -> None:
    """Ten points in each image, ten rounds, a new model each; 50 epochs of Adam at 5e-4."""
    for row, config in rows(PIXELPICK).items():
        train = config.train
        assert (train.epochs, train.optimiser, train.lr, train.encoder_lr) == (50, "adamw", 5e-4, 5e-4)
        if row == FULL:
            continue
        budget = config.budget
        assert (budget.unit, config.answer) == (Unit.CLICKS, AnswerKind.POINT)
        assert (config.rounds, budget.initial, budget.per_round) == (10, 10 * IMAGES, 10 * IMAGES)


def test_pixelpick_draws_ten_from_the_least_margin_of_each_image_and_its_baseline_from_all() -> None:
    found = rows(PIXELPICK)
    ours = {**found["PixelPick"].cut.params(), **found["PixelPick"].pick.params()}
    assert (found["PixelPick"].preset, found["PixelPick"].score.name) == ("pixelpick", "margin")
    assert ours == {"candidates": 10, "share": 1, "per_image": 10}
    assert found["PixelPick"].cut.params()["share"] == 0.05
    drawn = found["random points"]
    assert (drawn.score.name, drawn.cut.params(), drawn.pick.params()) == (
        "random",
        {"candidates": 10, "share": 1},
        {"per_image": 10},
    )


# -- with the real data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "trainings"), [(DEAL, 5 * (1 + 7 * 7)), (PIXELPICK, 5 * (1 + 3 * 10))])
def test_it_loads_and_every_part_is_built(file: Path, trainings: int, shared: Path, tmp_path: Path) -> None:
    root = shared / "data" / "camvid"
    moved = [word for key in ("data", "eval_data") for word in ("--set", f"base.{key}.root={root}")]
    said = CliRunner().invoke(app, ["bench", str(file), "--dry-run", "--json", "--runs", str(tmp_path), *moved])
    assert said.exit_code == 0, said.output
    assert json.loads(said.output.splitlines()[-1])["trainings"] == trainings
    for row, config in rows(file, root).items():
        bench = Workbench(config, tmp_path / row)
        check(bench)
        assert bench.eval_data is not None
        assert (len(bench.pool), len(bench.eval_data.ids)) == (IMAGES, MEASURED)
    assert list(tmp_path.iterdir()) == []


def begins(config: RunConfig, run: Path) -> list[Query]:
    """What round 0 asks about, on the real data."""
    run.mkdir()
    repo = Repository.create(run)
    stages = Stages(Workbench(config, run), repo, silent)
    repo.begin_round(0, config.budget.initial)
    stages.narrow(0)
    stages.score(0)
    queries, _ = stages.pick(0)
    repo.close()
    return queries


def test_deals_rows_begin_with_the_same_37_images(shared: Path, tmp_path: Path) -> None:
    found = rows(DEAL, shared / "data" / "camvid")
    begun = {row: {q.image for q in begins(found[row], tmp_path / row)} for row in ("random", "VAAL", "DEAL DE")}
    assert len(begun["random"]) == 37
    assert begun["random"] == begun["VAAL"] == begun["DEAL DE"]


def test_pixelpick_begins_with_ten_points_in_each_image(shared: Path, tmp_path: Path) -> None:
    found = rows(PIXELPICK, shared / "data" / "camvid")
    begun = {row: begins(found[row], tmp_path / row) for row in ("PixelPick", "random points")}
    for queries in begun.values():
        assert Counter(Counter(q.image for q in queries).values()) == {10: IMAGES}
