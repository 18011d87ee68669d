"""The audit of labels against cleanlab's segmentation scores, on CamVid with wrong answers, both on the same masks.

A short run asks about superpixels of CamVid (96x128, dominant class, interactive), and the noisy oracle answers: it
takes 5, 10 or 20 % of the connected class segments for another class (drawn for each segment, `kind: asymmetric`), so
that every superpixel of such a segment is answered wrong. An answer is wrong where its class is not the most frequent
one of the true mask under it; answers that lie in void are left out of the figures.

Ours and cleanlab's are given the same answers at the model's size and the same probabilities, out of sample from
3-fold cross-fitting (`cross-fitted`), and once more in sample from the run's own last model, which learnt the very
answers (`in sample`). cleanlab scores pixels and images; a question is about a region, so that its pixel scores are
brought to the regions, in four ways, and ours is compared with the best of them, chosen with the truth in hand:

- `quality`: the mean of its pixel scores (`get_label_quality_scores`);
- `softmin`: its own way from pixels to images (softmin at temperature 0.1), over the region's pixels;
- `issues`: the share of the region's pixels that `find_label_issues` flags, ties by `quality`;
- `lowest`: the 10 % quantile of its pixel scores.

Pixels that nobody was asked about are given to cleanlab as the model predicts them: they look right.

- `precision`: share of wrong ones among as many most suspicious answers as are wrong;
- `average_precision`: area under the curve of precision by recall.

Run: python benchmarks/audit.py --json (needs the extra `bench`)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cleanlab.segmentation.filter import find_label_issues
from cleanlab.segmentation.rank import get_label_quality_scores
from provenance import ROOT, commit, machine, print_figures
from sklearn.metrics import average_precision_score

from seglens.acquisition.presets import load_preset
from seglens.config import RunConfig, resolve
from seglens.functional.audit import doubts
from seglens.functional.run_lengths import indices
from seglens.loop import create, drive
from seglens.loop.audit import Auditor
from seglens.types import BoolArray, ByteArray, FloatArray, IntArray

WAYS = ("quality", "softmin", "issues", "lowest")
TEMPERATURE = 0.1
"""cleanlab's, of its softmin."""


def config(args: argparse.Namespace, fraction: float, seed: int) -> RunConfig:
    """Of a run with wrong answers."""
    values = {
        "rounds": 2,
        "seed": seed,
        "data": {"name": "camvid", "root": str(args.data.resolve()), "splits": ["train"]},
        "model": {"size": list(args.size)},
        "train": {"steps": args.steps},
        "budget": {"unit": "clicks", "initial": args.clicks // 3, "per_round": args.clicks - args.clicks // 3},
        "ask": {"name": "noisy", "fraction": fraction, "kind": args.kind},
        "companions": [],
        "threads": args.threads,
    }
    return resolve(values, load_preset("default"), "benchmark")


def wrong_answers(auditor: Auditor) -> tuple[BoolArray, BoolArray]:
    """(R,) whether an answer is wrong, and whether the truth tells."""
    labels = auditor.bench.labels
    assert labels is not None
    wrong, known = np.zeros((2, len(auditor.parts)), bool)
    for position, part in enumerate(auditor.parts):
        under = labels.label(part.region.image).ravel()[indices(part.region.runs)]
        counts = np.bincount(under, minlength=256)[: len(auditor.bench.data.classes)]
        known[position] = counts.any()
        wrong[position] = known[position] and counts.argmax() not in part.classes
    return wrong, known


def seen_by_cleanlab(auditor: Auditor, probs: list[FloatArray]) -> IntArray:
    """(N, h, w) labels at the model's size: the answers, and elsewhere what the model predicts."""
    labels = np.stack([maps.argmax(0) for maps in probs])
    for row, id in enumerate(auditor.ids):
        for position in auditor.of_image[id]:
            labels[row].ravel()[auditor.places[position]] = auditor.parts[position].classes[0]
    return labels


def cleanlab_scores(auditor: Auditor, probs: list[FloatArray]) -> dict[str, FloatArray]:
    """(R,) suspicion of each answer, by each way of bringing cleanlab's to regions."""
    stacked, labels = np.stack(probs), seen_by_cleanlab(auditor, probs)
    flagged: ByteArray = find_label_issues(labels, stacked, n_jobs=1, verbose=False)
    _, quality = get_label_quality_scores(labels, stacked, verbose=False)
    found = {way: np.zeros(len(auditor.parts)) for way in WAYS}
    for row, id in enumerate(auditor.ids):
        for position in auditor.of_image[id]:
            inside = auditor.places[position]
            scores = quality[row].ravel()[inside].astype(np.float64)
            weights = np.exp((1 - scores) / TEMPERATURE)
            found["quality"][position] = 1 - scores.mean()
            found["softmin"][position] = 1 - (weights * scores).sum() / weights.sum()
            found["issues"][position] = flagged[row].ravel()[inside].mean() - 1e-3 * scores.mean()
            found["lowest"][position] = 1 - np.quantile(scores, 0.1)
    return found


def told(scores: FloatArray, wrong: BoolArray, known: BoolArray) -> dict[str, float]:
    """Precision among as many as are wrong, and average precision."""
    scores, wrong = scores[known], wrong[known]
    first = np.argsort(-scores, kind="stable")[: int(wrong.sum())]
    average = float(average_precision_score(wrong, scores))
    return {"precision": round(float(wrong[first].mean()), 4), "average_precision": round(average, 4)}


def audit(args: argparse.Namespace, fraction: float, seed: int, folder: Path) -> dict[str, Any]:
    """Figures of one run."""
    run = folder / f"{fraction}-{seed}"
    create(run, config(args, fraction, seed))
    drive(run)
    found: dict[str, Any] = {"fraction": fraction, "seed": seed}
    for name, folds in (("cross-fitted", args.folds), ("in sample", 0)):
        begun = time.perf_counter()
        auditor = Auditor(run, lambda *_: None, folds)
        maps = dict(auditor.probabilities())
        probs = [maps[id] for id in auditor.ids]
        means = auditor.means(maps.items())
        features = auditor.features()
        seconds = time.perf_counter() - begun
        wrong, known = wrong_answers(auditor)
        by = {"model and neighbours": 1.0, "neighbours alone": 0.0}
        ours = {way: doubts(means, features, auditor.said, auditor.images, trust) for way, trust in by.items()}
        figures = {way: told(one.suspicion, wrong, known) for way, one in ours.items()}
        figures["model alone"] = told(ours["model and neighbours"].margin - means.max(1) * 1e-6, wrong, known)
        peers = {f"cleanlab, {k}": told(v, wrong, known) for k, v in cleanlab_scores(auditor, probs).items()}
        found[name] = {**figures, **peers, "seconds": round(seconds, 1)}
    return {**found, "answers": int(known.sum()), "wrong": int(wrong.sum()), "images": len(auditor.ids)}


def summary(runs: list[dict[str, Any]], fractions: list[float]) -> dict[str, Any]:
    """Means over the seeds at each fraction, and ours against the best of cleanlab's."""
    found: dict[str, Any] = {}
    for name in ("cross-fitted", "in sample"):
        ours = "model and neighbours" if name == "cross-fitted" else "neighbours alone"
        rows = {}
        for fraction in fractions:
            few = [run[name] for run in runs if run["fraction"] == fraction]
            means = {
                way: {key: round(float(np.mean([run[way][key] for run in few])), 4) for key in few[0][way]}
                for way in few[0]
                if way != "seconds"
            }
            best = {key: max(v[key] for w, v in means.items() if w.startswith("cleanlab")) for key in means[ours]}
            rows[f"{100 * fraction:g} %"] = {
                "ours": means[ours],
                "cleanlab": best,
                "holds": all(means[ours][key] >= best[key] for key in best),
                "all": means,
            }
        found[name] = rows
    return found


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/camvid", help="CamVid's folder")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.05, 0.1, 0.2], help="of segments, wrong")
    parser.add_argument("--kind", default="asymmetric", help="of mistakes, as the noisy oracle names them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of runs")
    parser.add_argument("--clicks", type=int, default=1650, help="answers asked for")
    parser.add_argument("--steps", type=int, default=200, help="training steps")
    parser.add_argument("--folds", type=int, default=3, help="of cross-fitting")
    parser.add_argument("--size", type=int, nargs=2, default=[96, 128], help="of the model's input")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    runs: list[dict[str, Any]] = []
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in args.seeds:
            for fraction in args.fractions:
                runs.append(audit(args, fraction, seed, Path(folder)))
                print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
        results = summary(runs, args.fractions)
    results |= {
        "runs": runs,
        **{key: getattr(args, key) for key in ("kind", "seeds", "clicks", "steps", "folds", "size")},
        "preset": "default, without companions",
        "load": round(os.getloadavg()[0], 2),
        "command": "make bench-audit",
        "commit": commit(),
        **machine(),
    }
    print_figures(results, args.out)


if __name__ == "__main__":
    main()
