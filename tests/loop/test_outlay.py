"""What a run will cost, against what it then did cost: the same order in time, near in space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

from seglens.loop import Outlay, create, drive, foresee
from seglens.loop.machine import silent
from seglens.store import Repository
from seglens.types import Stage

CHANGES: dict[str, Any] = {
    "data": {"name": "streets", "split": "pool", "images": 24, "size": [64, 96]},
    "train": {"rhythm": "interactive", "steps": 40, "batch": 4},
    "budget": {"unit": "clicks", "initial": 48, "per_round": 48},
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outlay, dict[str, float]]:
    """A run's folder, what was foreseen of it, and the seconds that each kind of stage then took."""
    folder = tmp_path_factory.mktemp("outlay")
    config = tiny(folder, **CHANGES)
    found = foresee(config, folder / "run", silent)
    assert not (folder / "run").exists()
    assert not (folder / "cache").exists() or not list((folder / "cache").rglob("*.npy"))
    create(folder / "run", config)
    drive(folder / "run")
    repo = Repository.of_run(folder / "run")
    took: dict[str, float] = {}
    for event in repo.events("stage"):
        assert event.stage is not None
        took[event.stage] = took.get(event.stage, 0.0) + float(event.data["seconds"])
    repo.close()
    return folder, found, took


def test_time_is_of_the_same_order(measured: tuple[Path, Outlay, dict[str, float]]) -> None:
    _, found, took = measured
    assert [set(stages) for stages in found.rounds] == [{stage.value for stage in Stage}] * 3
    foreseen = sum(sum(stages.values()) for stages in found.rounds)
    assert 0.1 < foreseen / sum(took.values()) < 10
    assert found.total == pytest.approx(foreseen + sum(found.prepare.values()))
    assert set(found.prepare) == {"features", "regions"}
    assert min(found.prepare.values()) > 0


def test_space_is_near(measured: tuple[Path, Outlay, dict[str, float]]) -> None:
    folder, found, _ = measured

    def size(*places: str) -> int:
        files = [path for place in places for path in folder.glob(place)]
        return sum(path.stat().st_size for path in files if path.is_file())

    assert found.disk["features"] == pytest.approx(size("cache/features/**/*.npy"), rel=0.1)
    assert found.disk["regions"] == pytest.approx(size("cache/superpixels/**/*"), rel=0.2)
    assert found.disk["models"] == pytest.approx(size("run/rounds/*/model.pt"), rel=0.02)
    assert found.disk["rows"] == pytest.approx(size("run/rounds/*/rows/*"), rel=0.3)
    assert found.disk["maps"] == pytest.approx(size("run/rounds/*/maps/*"), rel=0.5)
    assert found.disk["labels"] == pytest.approx(size("run/labels/*", "run/provenance/*"), rel=0.5)
    assert found.disk["database"] == pytest.approx(size("run/seglens.db*"), rel=0.5)


def test_more_to_do_costs_more(measured: tuple[Path, Outlay, dict[str, float]], tmp_path: Path) -> None:
    folder, found, _ = measured
    config = tiny(folder, **{**CHANGES, "train": {**CHANGES["train"], "steps": 4000}, "rounds": 5})
    more = foresee(config, tmp_path / "run", silent)
    assert len(more.rounds) == 5
    assert more.rounds[1]["train"] > 10 * found.rounds[1]["train"]
    assert more.prepare["features"] == 0  # they are in the cache by now
    assert more.disk["models"] == pytest.approx(found.disk["models"] * 5 / 3, rel=0.02)


def test_people_are_not_waited_for_and_dear_questions_are_paid(tmp_path: Path) -> None:
    """Whole images drawn by people, of which a sixth of the budget would pay for none."""
    config = tiny(
        tmp_path,
        **{
            **CHANGES,
            "ask": "human",
            "answer": "dense",
            "cut": "image",
            "audit_set": {"images": 2},
            "eval_data": None,
            "budget": {"unit": "images", "initial": 1, "per_round": 1},
        },
    )
    found = foresee(config, tmp_path / "run", silent)
    assert dict(found.images) == {"pool": 22, "audit_set": 2, "evaluation": 0}
    assert found.rounds[1]["evaluate"] > 0
    assert found.total > 0
