"""``seglens plan``: the same run on more images and devices."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seglens.cli import app
from seglens.cli.plan import EFFICIENCY, planned
from seglens.config import resolve
from seglens.loop import Outlay, Workbench
from seglens.types import Stage

GIB = 2**30


def outlay(pool: int = 1000) -> Outlay:
    """A run of two rounds: 100 s of scoring, 20 of training, 10 of picking each."""
    stages = {stage.value: 0.0 for stage in Stage} | {"score": 100.0, "train": 20.0, "pick": 10.0}
    disk = {"features": 4 * GIB, "regions": 0, "rows": GIB, "labels": 0}
    images = {"pool": pool, "audit_set": 0, "evaluation": 5}
    return Outlay({"features": 50.0}, [stages, stages], disk, {"rest": GIB, "rows": 2 * GIB}, True, images, 16, 1.0)


def test_devices_share_scoring_and_training_and_all_are_paid() -> None:
    one = planned(outlay(), 1, 3.6, {"here": 10.0, "cache": 10.0}, 5 * GIB)
    assert one["seconds"] == 50 + 2 * 130
    assert one["money"] == {"prepare": 0.05, "rounds": [0.13, 0.13], "total": 0.31}
    four = planned(outlay(), 4, 3.6, {"here": 10.0, "cache": 10.0}, 5 * GIB)
    round_seconds = 120 / (4 * EFFICIENCY) + 10
    assert four["round_seconds"] == [round(round_seconds, 1)] * 2
    assert four["money"]["total"] == pytest.approx(four["money"]["prepare"] + sum(four["money"]["rounds"]), abs=0.02)
    assert four["prepare_seconds"] == round(50 / (4 * EFFICIENCY), 1)
    assert four["money"]["rounds"] == [round(4 * round_seconds / 1000, 2)] * 2
    assert four["rounds"][1]["pick"] == 10


def test_what_breaks_first_is_said_first() -> None:
    found = planned(outlay(), 1, 0.0, {"here": 0.5, "cache": 10.0}, 5 * GIB)["breaks"]
    assert [(row["what"], row["at_images"], row["breaks"]) for row in found] == [
        ("disk of the run", 500, True),
        ("memory for a round's rows", 2000, False),
        ("disk of the cache", 2500, False),
        ("a day for a round", 664615, False),
        ("a day for what is prepared", 1728000, False),
    ]
    few = planned(replace(outlay(), holds_all=False), 1, 0.0, {"here": 0.5, "cache": 10.0}, 5 * GIB)["breaks"]
    assert few == [row for row in found if row["what"] != "memory for a round's rows"]


def test_the_command_measures_in_small_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGLENS_CACHE", str(tmp_path / "cache"))
    settings = [
        "rounds=3",
        "data.images=40",
        "data.size=[64, 96]",
        "model.size=[64, 96]",
        "train.steps=20",
        "threads=1",
    ]
    arguments = [part for setting in settings for part in ("--set", setting)]
    shown = CliRunner().invoke(app, ["plan", "--images", "4000", *arguments, "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert (found["images"]["pool"], found["measured_on"], len(found["rounds"])) == (4000, 40, 3)
    whole = resolve(
        {"data": {"name": "streets", "images": 40, "size": [64, 96]}, "model": {"size": [64, 96]}}, {}, "test"
    )
    cache = Workbench(whole, tmp_path).cache
    assert cache is not None
    assert found["bytes"]["features"] == pytest.approx(cache.estimate_bytes(4000), rel=0.05)
    assert found["seconds"] == pytest.approx(found["prepare_seconds"] + sum(found["round_seconds"]), abs=0.3)
    assert found["memory_bytes"]["rows"] > 4000 * 100
    assert not list(tmp_path.iterdir())
