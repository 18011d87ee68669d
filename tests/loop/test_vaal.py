"""A run that narrows by VAAL and TA-VAAL: it finishes, and killed inside a training it ends the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import contents, die_at_report, finish, resume, start, tiny

from seglens.loop import Workbench, create
from seglens.models import VaalNet
from seglens.types import SeglensError

NARROWED: dict[str, Any] = {
    "rounds": 2,
    "narrow": [{"name": "vaal", "images": 3}, {"name": "ta-vaal", "images": 2}],
    "score": "random",
    "cut": "image",
    "answer": "dense",
    "pick": "top",
    "settle": "as-answered",
    "companions": [{"name": "vaal", "batch": 4, "width": 8}, {"name": "ta-vaal", "batch": 4, "width": 8}],
    "budget": {"unit": "images", "initial": 2, "per_round": 1},
}


def test_a_run_finishes_and_killed_inside_a_training_ends_the_same(tmp_path: Path) -> None:
    folders = [tmp_path / "calm", tmp_path / "killed"]
    configs = [tiny(folder, **NARROWED) for folder in folders]
    calm, killed = (folder / "run" for folder in folders)
    assert finish(start, calm, configs[0]) == 0
    assert finish(die_at_report, killed, configs[1], "training", 5) == -9
    assert (killed / "rounds" / "000" / "training.pt").exists()
    assert finish(resume, killed) == 0
    assert contents(killed) == contents(calm)
    for name in ("vaal", "ta-vaal"):
        one, two = (Workbench(configs[0], run).member(1, name) for run in (calm, killed))
        assert isinstance(one, VaalNet)
        assert isinstance(two, VaalNet)
        assert all(torch.equal(value, two.state_dict()[key]) for key, value in one.state_dict().items())
    looked_at = [json.loads((calm / "rounds" / f"{round:03d}" / "narrow.json").read_text()) for round in range(2)]
    assert [len(ids) for ids in looked_at] == [6, 2]


@pytest.mark.parametrize("missing", ["vaal", "ta-vaal"])
def test_without_its_companion_a_run_is_refused(tmp_path: Path, missing: str) -> None:
    there = [part for part in NARROWED["companions"] if part["name"] != missing]
    with pytest.raises(SeglensError, match=f"companions: .* reads what '{missing}' leaves behind: add"):
        create(tmp_path / "run", tiny(tmp_path, **{**NARROWED, "companions": there}))
