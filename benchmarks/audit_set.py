"""How often the 95 % interval of an audit set holds the truth, on streets and on CamVid.

A model is trained by a short run, on streets (19 classes) and on CamVid (11); each image of a large set that it has not
learnt from is measured once, and the mIoU over them all is the truth. Audit sets of 5 to 160 images are then drawn from
them, and for each the interval of `functional/bootstrap.py` and the percentiles of the plain bootstrap are made.

- `coverage`: share of the audit sets whose interval holds the truth (0.95 = as it says);
- `width`: mean width of the interval, mIoU; `bias`: mean of the audit sets' mIoU less the truth.

`sharper` is the same with three of four wrong pixels made right, as a better model would have it.

Run: python benchmarks/audit_set.py --json
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from provenance import ROOT, commit, machine, print_figures

from seglens.acquisition.presets import load_preset
from seglens.config import resolve
from seglens.data import open_data, open_labels
from seglens.functional.bootstrap import miou_interval
from seglens.functional.metrics import miou
from seglens.loop import Workbench, create, drive
from seglens.training import evaluate
from seglens.types import Chance, IntArray

SIZES = (5, 10, 20, 40, 80, 160)
PLAIN = 1000
"""Resamples of the plain bootstrap."""


def percentiles(confusions: IntArray, chance: Chance) -> tuple[float, float]:
    """The 95 % interval that a plain bootstrap's percentiles give."""
    draws = chance.numpy().multinomial(len(confusions), np.full(len(confusions), 1 / len(confusions)), PLAIN)
    hit = np.einsum("ncc->nc", confusions)
    union = confusions.sum(1) + confusions.sum(2) - hit
    hits, unions = draws @ hit, draws @ union
    values = np.divide(hits, unions, out=np.full(hits.shape, np.nan), where=unions > 0)
    low, high = np.quantile(np.nanmean(values, 1), [0.025, 0.975])
    return float(low), float(high)


def measured(data: dict[str, Any], truth: dict[str, Any], size: list[int], steps: int, threads: int) -> IntArray:
    """(M, C, C) confusion matrix of each image of ``truth`` by a model that learnt from ``data``."""
    with tempfile.TemporaryDirectory() as folder:
        values = {
            "rounds": 2,
            "data": data,
            "eval_data": truth,
            "model": {"size": size},
            "train": {"steps": steps},
            "budget": {"initial": 300, "per_round": 600},
            "threads": threads,
        }
        run = Path(folder) / "run"
        config = resolve(values, load_preset("random-superpixel"), "benchmark")
        create(run, config)
        drive(run)
        bench = Workbench(config, run)
        net = bench.net(2)
        assert net is not None
        part = config.eval_data
        assert part is not None
        images = open_data(part)
        found = evaluate(
            net, images, open_labels(part), list(images.ids), size=config.model.size, cache=bench.eval_cache
        )
        assert found[0].by_image is not None
        return found[0].by_image


def sharper(confusions: IntArray) -> IntArray:
    """Three of four wrong pixels made right."""
    wrong = confusions // 4
    np.einsum("ncc->nc", wrong)[:] = 0
    right = np.zeros_like(confusions)
    np.einsum("ncc->nc", right)[:] = confusions.sum(2) - wrong.sum(2)
    return right + wrong


def study(confusions: IntArray, repeats: int, chance: Chance) -> dict[str, Any]:
    """Coverage, width and bias by the size of the audit set."""
    truth = miou(confusions.sum(0))
    found: dict[str, Any] = {"truth": round(truth, 4), "images": len(confusions)}
    for size in (n for n in SIZES if n <= len(confusions) // 2):
        ours, plain, values = [], [], []
        for repeat in range(repeats):
            drawn = chance.child(size, repeat)
            few = confusions[drawn.numpy().choice(len(confusions), size, replace=False)]
            values.append(miou(few.sum(0)))
            ours.append(miou_interval(few, drawn.child("ours")))
            plain.append(percentiles(few, drawn.child("plain")))
        found[str(size)] = {
            "coverage": _coverage(ours, truth),
            "width": round(float(np.mean([high - low for low, high in ours])), 4),
            "plain_coverage": _coverage(plain, truth),
            "plain_width": round(float(np.mean([high - low for low, high in plain])), 4),
            "bias": round(float(np.mean(values)) - truth, 4),
        }
    return found


def _coverage(intervals: list[tuple[float, float]], truth: float) -> float:
    return round(float(np.mean([low <= truth <= high for low, high in intervals])), 3)


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/camvid", help="CamVid's folder")
    parser.add_argument("--images", type=int, default=1000, help="streets that are measured")
    parser.add_argument("--repeats", type=int, default=300, help="audit sets of each size")
    parser.add_argument("--steps", type=int, default=250, help="training steps of a round")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    streets = {"name": "streets", "size": [96, 128]}
    camvid = {"name": "camvid", "root": str(args.data)}
    sets = {
        "streets": (
            {**streets, "split": "pool", "images": 60}, {**streets, "split": "eval", "images": args.images}, [96, 128]
        ),
        "camvid": ({**camvid, "splits": ["val"]}, {**camvid, "splits": ["train"]}, [180, 240]),
    }  # fmt: skip
    found: dict[str, Any] = {}
    for name, (data, truth, size) in sets.items():
        confusions = measured(data, truth, size, args.steps, args.threads)
        found[name] = study(confusions, args.repeats, Chance((0, name)))
        found[f"{name}, sharper"] = study(sharper(confusions), args.repeats, Chance((0, name)))
    found |= {
        "repeats": args.repeats,
        "seed": 0,
        "load": round(os.getloadavg()[0], 2),
        "command": "make bench-audit",
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)


if __name__ == "__main__":
    main()
