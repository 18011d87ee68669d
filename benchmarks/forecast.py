"""How well `seglens forecast` tells the next round: on the bench's own curves, one preset left out at a time.

Every round with two measured ones before it is told from those, at the clicks that it came to cost. Its 80 % interval
is made from the curves of all other presets, in whatever file.

- `coverage`: the share of rounds inside their 80 % interval;
- `mae`, `mae_trend`: mean absolute error, mIoU, of what is expected, and of last value plus slope of the last step;
- `mae_last`: that of the last value alone;
- `width`: the interval's mean width, mIoU; `points`: how many rounds;
- `two_steps`: the same two rounds ahead, with the quantiles for one; `file_left_out`: with those of other files alone;
- `quantiles`: what the package's own intervals are to be made of (`QUANTILES` in functional/forecast.py).

Runs whose answers cost no click (pseudo-labels) have no next click, and no point.

Run: python benchmarks/forecast.py --json [FILES...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from provenance import ROOT, commit, machine, print_figures

from seglens.bench.backtest import Told, left_out, quantiles, score, tell
from seglens.bench.sources import read_source

FILES = tuple(
    ROOT / "docs" / "results" / f"{name}.json" for name in ("camvid", "segxal", "cpral", "segxal-streets", "demo")
)
GOALS = {"coverage": [0.7, 0.9], "mae": "below mae_trend"}


def scored(points: Sequence[Told], ends: Callable[[Told], tuple[float, float]]) -> dict[str, float]:
    """A score as plain values."""
    return {name: round(value, 5) for name, value in asdict(score(points, ends)).items()}


def measure(files: Sequence[Path]) -> dict[str, Any]:
    """The figures of all files, and of each that has a point."""
    sources = [read_source(str(file)) for file in files]
    points = tell(sources)
    ends = left_out(points, lambda one: one.preset)
    found: dict[str, Any] = scored(points, ends)
    low, high = GOALS["coverage"]
    found["goals"] = GOALS
    found["holds"] = {"coverage": low <= found["coverage"] <= high, "mae": found["mae"] < found["mae_trend"]}
    by_file = {Path(name).stem: [one for one in points if one.file == name] for name in (s.name for s in sources)}
    found["files"] = {name: scored(some, ends) for name, some in by_file.items() if some}
    found["two_steps"] = scored(tell(sources, 2), ends)
    if len(found["files"]) > 1:
        found["file_left_out"] = scored(points, left_out(points, lambda one: one.file))
    found["quantiles"] = [round(end, 2) for end in quantiles(points)]
    return found


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("files", nargs="*", type=Path, default=FILES, help="results of `seglens bench`; default: ours")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    results = {
        **measure(args.files),
        "command": "python benchmarks/forecast.py --json",
        "commit": commit(),
        **machine(),
    }
    print_figures(results, args.out)


if __name__ == "__main__":
    main()
