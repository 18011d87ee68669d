"""What `seglens plan` says of a run, against that run.

Streets of 64x128, generated on the fly, the default's choices without its teacher, two rounds; nothing is cached
before.

- `plan_over_measured`: seconds of the whole run as planned over those it took, what is prepared included (goal: 0.8 to
  1.2);
- `prepare_over_measured`, `rounds_over_measured`: the two parts of it;
- `disk_over_measured`: bytes of run and cache.

Run: python benchmarks/plan.py --json
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from provenance import commit, machine, print_figures

from seglens.acquisition.presets import load_preset
from seglens.config import RunConfig, resolve
from seglens.loop import create, drive, foresee
from seglens.loop.machine import silent
from seglens.store import Repository

SIZE = [64, 128]


def config(images: int, cache: Path) -> RunConfig:
    """The run that is planned and made."""
    values: dict[str, Any] = {
        "rounds": 2,
        "data": {"name": "streets", "split": "pool", "images": images, "size": SIZE},
        "eval_data": {"name": "streets", "split": "eval", "images": 50, "size": SIZE},
        "model": {"size": SIZE},
        "train": {"steps": 300, "batch": 16},
        "budget": {"unit": "clicks", "initial": images // 5, "per_round": images // 5},
        "cache": {"dir": str(cache)},
        "companions": [],
    }
    return resolve(values, load_preset("default"), "benchmark")


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=10_000, help="images of the run")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = config(args.images, folder / "cache")
        cost = foresee(asked, folder / "run", silent, args.images)
        begun = time.perf_counter()
        create(folder / "run", asked)
        drive(folder / "run")
        took = time.perf_counter() - begun
        repo = Repository.of_run(folder / "run")
        stages = [event for event in repo.events("stage") if event.stage is not None]
        repo.close()
        rounds = sum(float(event.data["seconds"]) for event in stages)
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    planned = sum(sum(found.values()) for found in cost.rounds)
    by_stage = {
        stage: [round(sum(found[stage] for found in cost.rounds), 1), round(_of(stages, stage), 1)]
        for stage in cost.rounds[0]
    }
    found = {
        "plan_over_measured": round(cost.total / took, 3),
        "prepare_over_measured": round(sum(cost.prepare.values()) / (took - rounds), 3),
        "rounds_over_measured": round(planned / rounds, 3),
        "disk_over_measured": round(sum(cost.disk.values()) / disk, 3),
        "seconds": round(took, 1),
        "planning_seconds": round(cost.seconds, 1),
        "planned_and_measured_by_stage": by_stage,
        "prepare": {what: round(seconds, 1) for what, seconds in cost.prepare.items()},
        "images": args.images,
        "load": round(os.getloadavg()[0], 2),
        "config": asked.digest(),
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)


def _of(stages: list[Any], stage: str) -> float:
    return sum(float(event.data["seconds"]) for event in stages if event.stage == stage)


if __name__ == "__main__":
    main()
