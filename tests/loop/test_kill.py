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
