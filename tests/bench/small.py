"""A benchmark so small that each of its runs takes a second or two."""

from __future__ import annotations

import copy
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tiny import TINY

from seglens.bench import load_bench, run_bench
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.plan import FULL, Bench, BenchPlan, PlannedRun
from seglens.bench.results import Results, Setting
from seglens.loop.workbench import Report

BASE = {key: TINY[key] for key in ("data", "eval_data", "model", "train", "budget", "chunk", "threads")}
SMALL: dict[str, Any] = {
    "title": "Small & quick",
    "base": BASE | {"rounds": 2, "cut": {"segments": 24}},
    "seeds": [0, 1],
    "full": {"seeds": [0]},
    "rows": [
        {"name": "default", "preset": "default", "group": "ours"},
        {"name": "less_of it", "preset": "default", "seeds": [0], "set": {"budget": {"initial": 6}}, "group": "ours"},
        {"name": "random superpixels", "preset": "random-superpixel"},
        {
            "name": "random images",
            "preset": "random-image",
            "seeds": [1],
            "set": {"cut": {"name": "image"}, "budget": {"unit": "images", "initial": 1, "per_round": 1}},
        },
    ],
    "reference": "random superpixels",
    "axes": ["clicks", "pixels", "seconds"],
    "curves": ["default", "random superpixels", "random images"],
    "tables": [
        {"kind": "rounds"},
        {"kind": "classes", "rows": ["random images"]},
        {"kind": "cycles", "title": "By | cycle"},
        {"kind": "ablation", "title": "Parts"},
        {"kind": "sweep", "title": "Split"},
        {"kind": "cost"},
    ],
}


def write(folder: Path, **changes: Any) -> Path:
    """The small benchmark's file in ``folder``, its cache and its runs beside it."""
    values = copy.deepcopy(SMALL) | {"runs": str(folder / "runs")} | copy.deepcopy(changes)
    values["base"]["cache"] = {"dir": "cache"}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def small(folder: Path, **changes: Any) -> Bench:
    """The small benchmark."""
    return load_bench(write(folder, **changes))


def bench_it(path: Path, out: Path) -> None:
    """Run a benchmark to its end, as a forked child does."""
    run_bench(load_bench(path), out)


def bench_side_by_side(path: Path, out: Path) -> None:
    """Run a benchmark with two jobs."""
    run_bench(load_bench(path), out, jobs=2)


def die_at_a(run: PlannedRun, _report: Report) -> None:
    """Be killed when the run is of row a."""
    if run.row == "a":
        os.kill(os.getpid(), signal.SIGKILL)


def die_in(path: Path, out: Path, run: str, what: str) -> None:
    """Be killed when a run of the grid reports ``what``."""

    @contextmanager
    def reporter(name: str) -> Iterator[Report]:
        def report(said: str, _done: int, _total: int) -> None:
            if name == run and said.startswith(what):
                os.kill(os.getpid(), signal.SIGKILL)

        yield report

    run_bench(load_bench(path), out, reporter=reporter)


def without_times(path: Path) -> Any:
    """A results file, times of day and durations left out."""
    found = json.loads(path.read_text())
    found.pop("date")
    for runs in found["rows"].values():
        for run in runs:
            for figures in run["rounds"]:
                assert figures.pop("seconds")
    return found


def figures(seed: int, rounds: list[tuple[float, float | None]], **more: Any) -> RunFigures:
    """A run of (clicks, mIoU) by round: its share of pixels a hundredth of the clicks, its IoU on either side of
    the mean."""
    found = tuple(
        RoundFigures(
            clicks=clicks,
            pixels=1000 * clicks,
            pixel_share=clicks / 100,
            person_seconds=2.0 * clicks,
            miou=miou,
            miou_at_model_size=miou,
            iou=() if miou is None else (miou - 0.1, miou + 0.1, None),
            seconds={"score": 1.0, "pick": 0.5, "ask": 100.0, "settle": 0.25, "train": 4.0, "evaluate": 100.0},
        )
        for clicks, miou in rounds
    )
    return RunFigures(seed, f"digest{seed}", "abc", (64, 96), found, **more)


def results(found: dict[str, list[RunFigures]], **plan: Any) -> Results:
    """Results made up by hand."""
    given = [{"name": name, "preset": "default"} for name in found if name != FULL]
    values = {"base": {}, "rows": plan.pop("rows", given), **plan}
    setting = Setting("interactive", (64, 96), ("road", "car", "rider & co"), 6, 2)
    stamp = {"command": "seglens bench x.yaml", "commit": "abc", "date": "2026-01-01"}
    return Results("x", BenchPlan(**values), setting, found, (), stamp)
