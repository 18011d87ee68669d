"""Runs side by side: the same figures, failures of their own, no process left behind."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from small import SMALL, bench_it, bench_side_by_side, die_at_a, small, without_times, write
from tiny import finish, spawn

from seglens.bench import FailedRuns, load_bench, run_bench
from seglens.bench.grid import is_done, untold
from seglens.bench.workers import side_by_side

TWO: dict[str, Any] = {
    "base": SMALL["base"] | {"threads": 1, "rounds": 1},
    "seeds": [0],
    "full": None,
    "rows": [{"name": "a", "preset": "default"}, {"name": "b", "preset": "random-superpixel"}],
    "reference": "b",
    "curves": None,
    "tables": [{"kind": "rounds"}],
}


def test_two_jobs_find_what_one_finds(tmp_path: Path) -> None:
    found = []
    for jobs in (1, 2):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        bench = small(folder, **TWO)
        run_bench(bench, folder / "out", jobs=jobs)
        assert all(is_done(run) for run in bench.runs)
        found.append(without_times(folder / "out" / "small.json")["rows"])
    assert found[0] == found[1]
    assert found[0]["a"][0]["threads"] == [1]


def test_a_failed_run_is_told_and_stops_no_other(tmp_path: Path) -> None:
    people = {"name": "people", "preset": "default", "set": {"ask": "human"}}
    broken = {"name": "broken", "preset": "default", "set": {"budget": {"initial": 0}}}
    path = write(tmp_path, **(TWO | {"rows": [people, broken, TWO["rows"][1]]}))
    for jobs in (1, 2):
        with pytest.raises(FailedRuns, match="2 runs failed") as caught:
            run_bench(load_bench(path, tmp_path / f"runs-{jobs}"), tmp_path / "out", jobs=jobs)
        assert "wait for answers" in caught.value.errors["people-0"]
        assert "budget.initial" in caught.value.errors["broken-0"]
        found = json.loads((tmp_path / "out" / "small.json").read_text())
        assert (list(found["rows"]), found["unfinished"]) == (["b"], ["people-0", "broken-0"])


def test_a_killed_worker_fails_its_run_alone(tmp_path: Path) -> None:
    ended = list(side_by_side(small(tmp_path, **TWO).runs, 1, die_at_a, untold))
    assert [run.row for run, _ in ended] == ["a", "b"]
    assert "exit code -9" in (ended[0][1] or "")
    assert ended[1][1] is None


def test_workers_end_with_a_killed_parent_and_the_grid_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path, **TWO)
    parent = spawn(bench_side_by_side, path, tmp_path / "out")
    deadline = time.monotonic() + 120
    while not (tmp_path / "runs" / "b-0" / "seglens.db").exists():  # both are at it
        assert parent.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers = children(parent.pid)
    assert len(workers) >= 2
    parent.kill()
    parent.join()
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert finish(bench_it, path, tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "small.json").read_text())["complete"]


def children(parent: int | None) -> list[int]:
    """The processes that a process has begun."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
