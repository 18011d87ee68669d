"""Killed at any instant, a run resumes to the same result, byte for byte."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from tiny import contents, die_at_commit, die_at_report, finish, resume, spawn, start, tiny

from seglens.types import Stage


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """What a run leaves that nobody kills, and the seconds it takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    begun = time.monotonic()
    assert finish(start, folder / "run", tiny(folder)) == 0
    return contents(folder / "run"), time.monotonic() - begun


def test_a_run_repeats_itself(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    assert finish(start, tmp_path / "run", tiny(tmp_path)) == 0
    assert contents(tmp_path / "run") == undisturbed[0]
    assert len(undisturbed[0]) > 2


def test_killed_as_each_stage_begins(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    run = tmp_path / "run"
    config = tiny(tmp_path)
    for number in range(2):
        for stage in Stage:
            first = config if (number, stage) == (0, Stage.NARROW) else None
            assert finish(die_at_report, run, first, f"round {number}: {stage.value}") == -9
    assert finish(resume, run) == 0
    assert contents(run) == undisturbed[0]


def test_killed_inside_the_work_of_a_stage(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    run = tmp_path / "run"
    config = tiny(tmp_path)
    for place, work in enumerate(("caching", "preparing", "scoring", "settling", "training", "evaluating")):
        assert finish(die_at_report, run, None if place else config, work, 1) == -9, work
    assert (run / "rounds" / "000").exists()
    assert finish(resume, run) == 0
    assert contents(run) == undisturbed[0]


def test_killed_between_files_and_commit(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]) -> None:
    run = tmp_path / "run"
    assert finish(die_at_report, run, tiny(tmp_path), "round 0: narrow") == -9
    for stage in Stage:
        assert finish(die_at_commit, run, 1, stage.value) == -9
    assert finish(resume, run) == 0
    assert contents(run) == undisturbed[0]


@pytest.mark.parametrize("instant", range(10))
def test_killed_at_a_random_instant(tmp_path: Path, undisturbed: tuple[dict[str, bytes], float], instant: int) -> None:
    expected, seconds = undisturbed
    run = tmp_path / "run"
    child = spawn(start, run, tiny(tmp_path))
    time.sleep(seconds * (instant + np.random.default_rng(instant).random()) / 10)
    child.kill()
    child.join()
    if (run / "config.yaml").exists():
        assert finish(resume, run) == 0
    else:  # killed before there was a run
        assert finish(start, run, tiny(tmp_path)) == 0
    assert contents(run) == expected


EXPLAINED = {
    "score": {"name": "explainable-error", "weights": "learned"},
    "cut": {"name": "object", "segments": 24},
    "answer": "mask",
    "pick": {"name": "top", "rank": "sum"},
    "settle": {"name": "dice-gate", "gate": "off"},
    "companions": ["ema-teacher"],
    "budget": {"unit": "image-equivalents", "initial": 2, "per_round": 0.5},
}


def test_what_learns_and_what_follows_the_score_resume_to_the_same_result(tmp_path: Path) -> None:
    """Learnt weights, candidates cut by the score and a companion's network, killed before each commit of a round."""
    assert finish(start, tmp_path / "whole" / "run", tiny(tmp_path / "whole", **EXPLAINED)) == 0
    expected = contents(tmp_path / "whole" / "run")
    run = tmp_path / "run"
    assert finish(die_at_report, run, tiny(tmp_path, **EXPLAINED), "round 1: score") == -9
    for stage in ("score", "pick", "settle", "train"):
        assert finish(die_at_commit, run, 1, stage) == -9
    assert finish(resume, run) == 0
    assert contents(run) == expected
    for name in ("score.json", "ema-teacher.pt"):
        found = [folder / "rounds" / "002" / name for folder in (run, tmp_path / "whole" / "run")]
        assert found[0].read_bytes() == found[1].read_bytes()
    assert not list(run.glob("rounds/*/regions"))
