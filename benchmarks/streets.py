"""How hard are the streets? Full supervision on them, over all pixels and by thirds of depth, and its worst classes.

Run: python benchmarks/streets.py --json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from provenance import commit, machine

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


def full_supervision(folder: Path, seed: int, steps: int) -> Workbench:
    """A run that labels every image in round 0."""
    values: dict[str, Any] = demo_config("random-image", seed).model_dump(mode="json")
    values |= {"rounds": 1, "budget": {"unit": "images", "initial": 10**6}, "train": {"steps": steps, "batch": 8}}
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
    share = np.bincount(labels[labels != IGNORE], minlength=count)[:count]
    rarest = np.argsort(share)[:5]
    return {
        "config": bench.config.digest(),
        "full_miou": round(float(np.nanmean(everywhere)), 4),
        "miou_by_depth": {
            name: round(value, 4)
            for name, value in zip(by_depth.names, by_depth.miou, strict=True)
            if value is not None
        },
        "band_edges_metres": [round(NEAR / edge, 1) for edge in by_depth.edges],
        "rarest": {data.classes.names[c]: round(float(everywhere[c]), 4) for c in rarest},
        "iou": {name: round(float(v), 4) for name, v in zip(data.classes.names, everywhere, strict=True)},
    }


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--seeds", type=int, default=1, help="seeds, from 0")
    parser.add_argument("--steps", type=int, default=450, help="optimiser steps of 8 images")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = [measure(full_supervision(Path(name) / str(seed), seed, args.steps)) for seed in range(args.seeds)]
    stamp = {"command": "make bench-streets", "commit": commit(), **machine()}
    results = stamp | {"steps": args.steps, "seeds": found}
    if args.out is not None:
        args.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
