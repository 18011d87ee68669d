"""CPRAL's own protocol, as its two files have it: what they resolve to, and that it runs, in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seglens.bench import load_bench, run_bench
from seglens.bench.plan import FULL
from seglens.config import RunConfig
from seglens.data.export import export_streets
from seglens.types import AnswerKind, Unit

FILES = Path(__file__).resolve().parents[2] / "benchmarks"
RECIPE = {
    "rhythm": "finetune",
    "steps": None,
    "epochs": 50,
    "optimiser": "sgd",
    "lr": 1e-3,
    "encoder_lr": 1e-3,
    "weight_decay": 5e-4,
    "schedule": "step",
    "drop_at": 0.7,
    "augmentation": "flip-blur",
    "restart": "pretrained",
    "class_weights": "none",
    "ema": 0.0,
}
NETS = {"MobileNet": ("mobilenet_v2", 4), "DRN": ("drn_d_22", 2)}
PAPER: dict[str, dict[str, Any]] = {
    "cityscapes": {"size": (512, 1024), "images": 200, "subset": 400, "rounds": 5, "pool": 2975},
    "bdd100k": {"size": (720, 1280), "images": 400, "subset": 800, "rounds": 6, "pool": 7000},
}


@pytest.fixture(params=sorted(PAPER))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _configs(name: str) -> dict[str, RunConfig]:
    return {run.row: run.config for run in load_bench(FILES / f"cpral-{name}.yaml").runs}


def test_every_row_has_the_papers_recipe(name: str) -> None:
    paper = PAPER[name]
    for row, config in _configs(name).items():
        encoder, batch = NETS[row.partition(",")[0] if row != FULL else "MobileNet"]
        assert config.train.model_dump(include=set(RECIPE)) == RECIPE
        assert config.train.batch == batch
        assert config.train.loss_pixels == paper["size"][0] * paper["size"][1]
        model = config.model
        assert (model.name, model.encoder, model.dropout, model.size) == ("deeplabv3plus", encoder, 0.2, paper["size"])
        assert config.companions[0].name == "loss-head"
        assert config.companions[0].params() == {"optimiser": "sgd", "lr": 1e-3, "weight_decay": 5e-4}
        assert config.data.params()["splits"] == ["train"]
        assert (config.data.name, config.eval_data and config.eval_data.params()["splits"]) == (name, ["val"])


def test_every_row_has_the_papers_budget(name: str) -> None:
    paper = PAPER[name]
    for row, config in _configs(name).items():
        if row in (FULL, "DRN, all labels"):
            assert (config.rounds, config.budget.unit) == (1, Unit.IMAGES)
            assert config.budget.initial >= paper["pool"]
            continue
        each = 40 if row.endswith(", 40") else paper["images"]
        assert config.rounds == paper["rounds"]
        assert config.budget.unit is (Unit.IMAGES if config.cut.name == "image" else Unit.IMAGE_EQUIVALENTS)
        assert (config.budget.initial, config.budget.per_round) == (paper["images"], each)
        wholes = [part.params()["images"] for part in config.narrow if config.cut.name == "image"]
        assert set(wholes) <= {each}


@pytest.mark.parametrize("net", sorted(NETS))
def test_cpral_is_the_papers(name: str, net: str) -> None:
    config = _configs(name)[f"{net}, CPRAL"]
    assert [part.model_dump() for part in config.narrow] == [
        {"name": "loss-prediction", "images": PAPER[name]["subset"]}
    ]
    assert config.score.model_dump() == {"name": "vote-entropy", "passes": 20}
    assert config.cut.model_dump() == {"name": "gaussian-window", "height_fraction": 0.125, "kernel": "cumulative"}
    assert config.settle.model_dump() == {"name": "contextual", "accept": 0.9}
    assert (config.answer, config.pick.name, config.ask.name) == (AnswerKind.DENSE, "top", "simulated")


@pytest.mark.parametrize(("name", "net"), [("cityscapes", "DRN"), ("bdd100k", "MobileNet")])
def test_cpral_runs_on_streets_in_the_datasets_layout(name: str, net: str, tmp_path: Path) -> None:
    """Two rounds of two steps on six tiny images, random weights: everything but the size is the file's."""
    root = tmp_path / name
    export_streets(root, ["train", "val"], 3, (48, 96), layout="bdd100k" if name == "bdd100k" else "cityscapes")
    values = yaml.safe_load((FILES / f"cpral-{name}.yaml").read_text())
    values["rows"] = [row for row in values["rows"] if row["name"] == f"{net}, CPRAL"]
    values["rows"][0].setdefault("set", {})["narrow"] = [{"name": "loss-prediction", "images": 2}]
    for key in ("full", "curves", "drawings", "tables", "reference"):
        values.pop(key)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    small = ["model.weights=random", "model.size=[48, 96]", "train.epochs=null", "train.steps=2"]
    small += ["train.loss_pixels=4608", "rounds=2"]
    small += [f"data.root={root}", f"eval_data.root={root}", "budget.initial=2", "budget.per_round=0.1", "threads=1"]
    bench = load_bench(tmp_path / "small.yaml", tmp_path / "runs", [f"base.{setting}" for setting in small])
    results = run_bench(bench, tmp_path / "out")
    (run,) = results.rows[f"{net}, CPRAL"]
    first, second = run.rounds
    assert 0.5 < first.pixel_share <= 2 / 3  # two of three images, less what is void
    assert first.pixels < second.pixels <= 2.1 * 48 * 96
    assert second.miou is not None
    assert "--set=base.model.weights=random" in results.stamp["command"]


def test_the_figures_on_camvid_and_the_same_file_on_other_data() -> None:
    file = FILES / "cpral.yaml"
    bench = load_bench(file)
    by_row = {run.row: run.config for run in bench.runs}
    assert [part.params()["images"] for part in by_row["CPRAL"].narrow] == [50]
    assert by_row["without CLE, RGA"].cut.params()["kernel"] == "box"
    assert by_row["CPRAL 60 %"].ask.params()["fraction"] == 0.6
    assert {config.train.steps for row, config in by_row.items() if row != "full supervision"} == {150}
    changes = [f"base.{key}.{k}={v}" for key in ("data", "eval_data") for k, v in (("name", "bdd100k"), ("root", "x"))]
    changes += ["base.data.splits=[train]", "base.eval_data.splits=[val]"]
    other = load_bench(file, settings=changes)
    assert other.on_other_data
    assert {run.config.data.name for run in other.runs} == {"bdd100k"}
