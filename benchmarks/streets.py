"""How hard are the streets? Full supervision, and a hundredth of the pixels as whole images, on the demo's streets.

Means over the seeds, each with the goal it is held against:

- `full_miou`: of full supervision;
- `one_percent_share`: mIoU of a hundredth of the pixels, over that of full supervision;
- `rare_share`: mean IoU of the five classes with the fewest pixels, likewise;
- `far_over_near`: mIoU of the far third of depth over that of the near one (sky aside, classes present in both), under
  full supervision; `far_over_near_one_percent` is the same of a hundredth.

Run: python benchmarks/streets.py --json
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from provenance import commit, machine, print_figures

from seglens.bench.bands import DepthBands
from seglens.cli.demo import demo_config
from seglens.config import PartConfig, resolve
from seglens.data.streets import Streets
from seglens.functional.metrics import confusion_matrix, iou
from seglens.loop import Workbench, create, drive, model_path
from seglens.models import load_checkpoint
from seglens.protocols import PartContext
from seglens.registry import depths
from seglens.training import predict
from seglens.types import IGNORE

NEAR = 5.0
"""Distance at which proximity is 1, metres."""
POOL = 200
"""Images to learn from, so that a hundredth is two."""
BUDGETS = {"full": POOL, "one_percent": POOL // 100}
"""Whole images that are labelled."""
GOALS = {"full_miou": 0.90, "one_percent_share": 0.70, "rare_share": 0.50, "far_over_near": 0.60}
"""What each figure may be at most: harder than that, and a method has something to gain."""


def labelled(folder: Path, seed: int, steps: int, images: int) -> Workbench:
    """A run that labels so many whole images in round 0, drawn by chance."""
    values: dict[str, Any] = demo_config("random-image", seed).model_dump(mode="json")
    values["data"]["images"] = POOL
    values |= {"rounds": 1, "budget": {"unit": "images", "initial": images}, "train": {"steps": steps, "batch": 8}}
    config = resolve(values, {}, "streets")
    create(folder, config)
    drive(folder)
    return Workbench(config, folder)


def measure(bench: Workbench) -> dict[str, Any]:
    """mIoU over all pixels, by thirds of depth (sky aside, classes present in near and far), and by class."""
    data, truth = bench.eval_data, bench.eval_labels
    assert isinstance(data, Streets)
    net = load_checkpoint(model_path(bench.run, 0)).eval()
    labels = np.stack([truth.label(id) for id in data.ids])
    guesses = {id: predict(net, data.image(id)) for id in data.ids}
    context = PartContext(data.classes, data, Path(), bench.config.model.size)
    exact = depths.build(PartConfig.model_validate({"name": "exact", "near": NEAR}), context)
    by_depth = DepthBands(data, truth, exact, 3).measure(guesses.__getitem__)
    count = len(data.classes)
    everywhere = iou(confusion_matrix(labels, np.stack(list(guesses.values())), count))
    rarest = np.argsort(np.bincount(labels[labels != IGNORE], minlength=count)[:count])[:5]
    return {
        "config": bench.config.digest(),
        "miou": round(float(np.nanmean(everywhere)), 4),
        "miou_by_depth": {
            name: round(value, 4)
            for name, value in zip(by_depth.names, by_depth.miou, strict=True)
            if value is not None
        },
        "band_edges_metres": [round(NEAR / edge, 1) for edge in by_depth.edges],
        "rarest": {data.classes.names[c]: round(float(everywhere[c]), 4) for c in rarest},
        "iou": {name: round(float(v), 4) for name, v in zip(data.classes.names, everywhere, strict=True)},
    }


def figures(of: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The figures of one seed."""
    full, few = of["full"], of["one_percent"]

    def far_over_near(found: dict[str, Any]) -> float:
        return float(found["miou_by_depth"]["far"] / found["miou_by_depth"]["near"])

    return {
        "full_miou": full["miou"],
        "one_percent_share": few["miou"] / full["miou"],
        "rare_share": sum(few["rarest"].values()) / sum(full["rarest"].values()),
        "far_over_near": far_over_near(full),
        "far_over_near_one_percent": far_over_near(few),
    }


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--seeds", type=int, default=3, help="seeds, from 0")
    parser.add_argument("--steps", type=int, default=450, help="optimiser steps of 8 images")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    seeds = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(args.seeds):
            folders = {key: Path(name) / f"{key}-{seed}" for key in BUDGETS}
            seeds.append({k: measure(labelled(folders[k], seed, args.steps, n)) for k, n in BUDGETS.items()})
    each = [figures(found) for found in seeds]
    means = {key: round(statistics.mean(one[key] for one in each), 4) for key in each[0]}
    holds = {key: means[key] <= goal for key, goal in GOALS.items()}
    stamp = {"command": "make bench-streets", "commit": commit(), **machine()}
    results = {**means, "goals": GOALS, "holds": holds, **stamp, "steps": args.steps, "seeds": seeds}
    print_figures(results, args.out)


if __name__ == "__main__":
    main()
