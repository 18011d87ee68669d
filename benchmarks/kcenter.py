"""Greedy k-center: 2,000 of 100,000 points of 256 numbers, float32, by `functional/k_center.py`.

- `speedup_over_recompute`: the time of what public codes do, the full matrix of distances to all picked points before
  each pick, over ours; on `compared_picks` of all points, for all picks would take it most of an hour;
- `over_memory_bound`: the time of a pick over that of reading the points once, the fastest of a few reductions;
- `equal_picks`: whether both pick the same points;
- `peak_gib`: resident memory at its highest until ours is done, Python and torch with it.

Run: python benchmarks/kcenter.py --json
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from provenance import commit, machine, print_figures
from torch import Tensor

from seglens.functional.k_center import k_center

GOALS = {"speedup_over_recompute": 20, "over_memory_bound": 1.5}


def recompute(points: Tensor, k: int) -> list[int]:
    """The same order by the full matrix of distances to what is picked, before every pick."""
    picked = [int((points - points.mean(0)).square().sum(1).argmin())]
    while len(picked) < k:
        nearest = torch.cdist(points, points[picked]).amin(1)
        nearest[picked] = -1
        picked.append(int(nearest.argmax()))
    return picked


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def reading(points: Tensor, rounds: int = 15) -> float:
    """Seconds to read the points once: the median of each reduction, of the fastest."""
    reductions: tuple[Callable[[], Any], ...] = (points.sum, points.amax, lambda: points.sum(1))
    return min(statistics.median(timed(work)[0] for _ in range(rounds)) for work in reductions)


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--points", type=int, default=100_000, help="points")
    parser.add_argument("--width", type=int, default=256, help="numbers of a point")
    parser.add_argument("--picks", type=int, default=2_000, help="points to pick")
    parser.add_argument("--compared-picks", type=int, default=300, help="of them, as many as the recomputation picks")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    points = torch.randn(args.points, args.width, generator=torch.Generator().manual_seed(0))
    k_center(points, 10)  # warm up
    before = reading(points)
    seconds, picked = timed(lambda: k_center(points, args.picks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    once = statistics.mean((before, reading(points)))
    few, _ = timed(lambda: k_center(points, args.compared_picks))
    slow, same = timed(lambda: recompute(points, args.compared_picks))
    found = {
        "speedup_over_recompute": round(slow / few, 2),
        "over_memory_bound": round(seconds / args.picks / once, 3),
    }
    holds = {
        "speedup_over_recompute": found["speedup_over_recompute"] >= GOALS["speedup_over_recompute"],
        "over_memory_bound": found["over_memory_bound"] <= GOALS["over_memory_bound"],
    }
    results: dict[str, Any] = {
        **found,
        "goals": GOALS,
        "holds": holds,
        "equal_picks": picked[: args.compared_picks].tolist() == same,
        "peak_gib": round(peak, 3),
        "seconds": round(seconds, 2),
        "recompute_seconds": round(slow, 2),
        "read_gib_per_second": round(points.nbytes / 2**30 / once, 1),
        "points": args.points,
        "width": args.width,
        "picks": args.picks,
        "compared_picks": args.compared_picks,
        "load": round(os.getloadavg()[0], 2),
        "command": "make bench-kcenter",
        "commit": commit(),
        **machine(),
    }
    print_figures(results, args.out)


if __name__ == "__main__":
    main()
