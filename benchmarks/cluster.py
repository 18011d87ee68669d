"""Scoring on Ray against the local engine: speed, equal rows, and a worker killed in the middle.

U-Net on EfficientNet-Lite0, 360x480, 11 classes, JPEG files, superpixels computed ahead, rows written; the pool is
scored again and again in one run, in turn: by the local engine with a thread a core, by one Ray worker, by two, a core
and a thread each. A speed is that of the stream, images a second between the first chunks and the last; Ray's start
(its processes, and each worker's imports and model) stands beside it in seconds, and so do the ratios of whole times.

- `speedup_two_workers`: two Ray workers over one, the median over the rounds;
- `ray_over_local`: time an image of two Ray workers over the local engine's on both cores;
- `rows_equal`: the files of rows are the same, byte for byte, by the local engine with one thread and by one and two
  Ray workers; `picks_equal`: what would be asked of them;
- `killed_rows_equal`: so they are when a worker is killed in the middle, none missing and none told twice.

Run: python benchmarks/cluster.py --json (needs the extra `ray`)
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from provenance import commit, machine, print_figures

from seglens.config import RunConfig, resolve
from seglens.data.streets import Streets
from seglens.loop.choosing import Choosing
from seglens.loop.scoring import ScoreChunks, score_pool
from seglens.loop.workbench import MODEL, Workbench
from seglens.models import save_checkpoint

SIZE = (360, 480)
DISTINCT = 24
"""Images that are drawn; the pool repeats their files under other names."""
CLASSES = 11
Rows = dict[str, bytes]


def make_pool(folder: Path, images: int) -> None:
    """JPEG files of street scenes at CamVid's size, and a list of classes."""
    scenes = Streets(Streets.Params(images=DISTINCT, size=SIZE))
    pool = folder / "pool"
    pool.mkdir()
    for number in range(images):
        path = pool / f"{number:05d}.jpg"
        if number < DISTINCT:
            Image.fromarray(scenes.image(scenes.ids[number])).save(path, quality=92)
        else:
            os.link(pool / f"{number % DISTINCT:05d}.jpg", path)
    names = "\n".join(f"  - class{number}" for number in range(CLASSES))
    (folder / "classes.yaml").write_text(f"names:\n{names}\n")


def config(folder: Path, engine: dict[str, Any], threads: int) -> RunConfig:
    """The run whose scoring is timed."""
    values = {
        "data": {"name": "folder", "images": str(folder / "pool"), "classes": str(folder / "classes.yaml")},
        "score": "entropy",
        "cut": "grid",
        "ask": "human",
        "model": {"name": "unet", "size": SIZE},
        "train": {"rhythm": "finetune"},
        "cache": {"dir": str(folder / "cache")},
        "engine": engine,
        "threads": threads,
    }
    return resolve(values, {}, "benchmark")


def ray(workers: int) -> dict[str, Any]:
    """The engine with so many workers, a core each."""
    return {"name": "ray", "workers": workers}


class Scored:
    """The pool scored once into a folder of its own.

    Args:
        folder: with the pool, its cache and the model.
        engine: where the stream runs.
        threads: torch threads of the local engine.
        told: called with the chunks done so far.
    """

    def __init__(
        self, folder: Path, engine: dict[str, Any], threads: int, told: Callable[[int], None] = lambda _done: None
    ) -> None:
        run = folder / "run"
        shutil.rmtree(run / "rounds" / "001", ignore_errors=True)
        self.bench = Workbench(config(folder, engine, threads), run)
        self.chunks = self.bench.chunks(self.bench.pool)
        torch.set_num_threads(threads)
        self.done: list[int] = []
        self.times: list[float] = []

        def report(done: int, _total: int) -> None:
            self.times.append(time.perf_counter())
            self.done.append(done)
            told(done)

        score_pool(ScoreChunks(self.bench, 1, {}), self.chunks, report)
        self.rows: Rows = {path.name: path.read_bytes() for path in sorted((run / "rounds" / "001" / "rows").iterdir())}

    @property
    def seconds(self) -> float:
        """Of it all, Ray's start and end included."""
        return self.times[-1] - self.times[0]

    @property
    def seconds_an_image(self) -> float:
        """Of the stream: from when the fourth chunk is done to when all but two are, so that each worker is at work."""
        return (self.times[-3] - self.times[4]) / ((len(self.times) - 7) * self.bench.config.chunk)

    @property
    def start(self) -> float:
        """Seconds before the stream: until the fourth chunk, without what four chunks take."""
        return self.times[4] - self.times[0] - 4 * self.bench.config.chunk * self.seconds_an_image

    def picks(self) -> list[tuple[str, int]]:
        """(image, region) of what would be asked, in order."""
        rows = Choosing(self.bench, 1, self.chunks, 200.0, [], []).rows()
        return [(str(image), int(region)) for image, region in zip(rows.images, rows.regions, strict=True)]


def workers_below(pid: int) -> list[int]:
    """The Ray workers among the processes that ``pid`` started, directly or not."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            command = Path(f"/proc/{child}/cmdline").read_text()
            found += [child] * command.startswith("ray::Worker") + workers_below(child)
    return found


def killed(folder: Path, expected: Rows) -> bool:
    """Whether nothing is missing and nothing is told twice when a worker is killed in the middle."""
    victims: list[int] = []

    def kill(done: int) -> None:
        if done == len(expected) // 2:
            victims.extend(workers_below(os.getpid())[:1])
            os.kill(victims[0], signal.SIGKILL)

    scored = Scored(folder, ray(2), 1, kill)
    return len(victims) == 1 and scored.rows == expected and scored.done == list(range(len(expected) + 1))


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--images", type=int, default=96, help="images of the pool that is scored")
    parser.add_argument("--pairs", type=int, default=3, help="rounds in which the three are timed in turn")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers; the local engine sets its own number
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, args.images)
        bench = Workbench(config(folder, {"name": "local"}, cores), folder / "run")
        bench.folder(0).mkdir(parents=True)
        save_checkpoint(bench.fresh_net(1).eval(), bench.folder(0) / MODEL)
        bench.cut.prepare(bench.pool)
        local, one, two = [], [], []
        for _ in range(args.pairs):
            local.append(Scored(folder, {"name": "local"}, cores))
            one.append(Scored(folder, ray(1), 1))
            two.append(Scored(folder, ray(2), 1))
        alone = Scored(folder, {"name": "local"}, 1)
        picks = alone.picks()
        rows_equal = all(scored.rows == alone.rows for scored in (*one, *two))
        killed_equal = killed(folder, alone.rows)
        picks_equal = Scored(folder, ray(2), 1).picks() == picks and len(picks) > 0

    def over(above: list[Scored], below: list[Scored], what: str) -> float:
        pairs = zip(above, below, strict=True)
        return round(statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs), 3)

    found = {
        "speedup_two_workers": over(one, two, "seconds_an_image"),
        "ray_over_local": over(two, local, "seconds_an_image"),
        "rows_equal": rows_equal,
        "picks_equal": picks_equal,
        "killed_rows_equal": killed_equal,
        "speedup_two_workers_with_start": over(one, two, "seconds"),
        "ray_over_local_with_start": over(two, local, "seconds"),
        "ray_start_seconds": round(statistics.median(scored.start for scored in two), 2),
        "local_images_per_second": round(1 / statistics.median(scored.seconds_an_image for scored in local), 2),
        "images": args.images,
        "chunks": len(alone.chunks),
        "pairs": args.pairs,
        "load": round(os.getloadavg()[0], 2),
        "config": config(Path(), {"name": "ray"}, 1).digest(),
        "commit": commit(),
        **machine(),
    }
    print_figures(found, args.out)


if __name__ == "__main__":
    main()
