"""A pool that grows: scored, rows on disk, and registered in the store; then a million images in the store alone.

Each size of the pool is a run in a process of its own: registered, scored by the local engine in chunks, entropy on a
grid of cells, rows written, the images' scores stored, the best and some by chance selected from the store. FPN on
EfficientNet-Lite0; 64x128 images, each generated when it is read: a window, mirrored or not, of one of a few streets
drawn twice as large, for drawing a street takes ten times as long as scoring it. Then a thousand questions are picked
of their rows by the default's pick, `stratified`, each with its reason and its image's maps.

- `seconds_per_image_growth`: marginal seconds an image from the middle size to the largest, over those from the
  smallest to the middle one; `cpu_seconds_per_image_growth` by the process's own time, whatever else is at work here;
- `memory_growth`: resident memory at its highest, of the largest pool over the middle one;
- `million_rows_seconds`, `million_rows_gib`: register, score, reopen and select a million images, the slower and the
  larger of SQLite and PostgreSQL; memory is that of the process, PostgreSQL's server not counted.

Run: python benchmarks/pool.py --json (PostgreSQL: Debian's package and the extra `postgres`)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from provenance import ROOT, commit, machine, print_figures

from seglens.config import Params, RunConfig, resolve
from seglens.data.streets import Streets
from seglens.loop import create
from seglens.loop.stages import Stages
from seglens.loop.workbench import MODEL, Workbench
from seglens.models import save_checkpoint
from seglens.registry import datasets
from seglens.store import Repository
from seglens.store.pool import Pool, Status
from seglens.types import ByteArray, Chance, ImageId, Item

sys.path.append(str(ROOT / "tests" / "store"))
from postgres import NoServerError, serving

SIZE = (64, 128)
FRAMES = 30
"""Images of a sequence."""
DISTINCT = 48
"""Streets that are drawn; the pool's images are windows of them."""
CHUNK = 50
SELECTED = 1_000
GOALS = {"seconds_per_image_growth": 1.10, "memory_growth": 1.10, "million_rows_seconds": 60, "million_rows_gib": 2}


def id_of(number: int) -> ImageId:
    return f"pool/{number // FRAMES:06d}_{number % FRAMES:02d}"


def item(id: ImageId) -> Item:
    return Item(SIZE, id.rpartition("_")[0])


class WindowParams(Params):
    """How many images."""

    images: int = 1


@datasets.register("street-windows")
class StreetWindows:
    """Windows of street scenes, each a function of its id alone; none is kept."""

    Params = WindowParams

    def __init__(self, params: WindowParams) -> None:
        self.scenes = Streets(Streets.Params(images=DISTINCT, frames=1, size=(2 * SIZE[0], 2 * SIZE[1])))
        self.classes = self.scenes.classes
        self.ids = tuple(id_of(number) for number in range(params.images))

    @cached_property
    def streets(self) -> list[ByteArray]:
        return [self.scenes.image(id) for id in self.scenes.ids]

    def item(self, id: ImageId) -> Item:
        return item(id)

    def image(self, id: ImageId) -> ByteArray:
        rng = Chance(("window", id)).numpy()
        street = self.streets[rng.integers(DISTINCT)]
        y, x = rng.integers(SIZE[0] + 1), rng.integers(SIZE[1] + 1)
        window = street[y : y + SIZE[0], x : x + SIZE[1]]
        return (window[:, ::-1] if rng.integers(2) else window).copy()

    def fingerprint(self) -> str:
        return f"street-windows-{len(self.ids)}"

    @classmethod
    def labels(cls, params: WindowParams) -> None:
        return None


def config(images: int) -> RunConfig:
    """The run whose pool is scored."""
    values = {
        "data": {"name": "street-windows", "images": images},
        "score": "entropy",
        "pick": "stratified",
        "cut": {"name": "grid", "rows": 2, "columns": 4},
        "ask": "human",
        "model": {"name": "fpn", "size": SIZE},
        "train": {"rhythm": "finetune"},
        "chunk": CHUNK,
    }
    return resolve(values, {}, "benchmark")


def scored(folder: Path, images: int) -> dict[str, float]:
    """One pool from nothing to what would be asked of it."""
    run, settings = folder / f"run-{images}", config(images)
    bench = Workbench(settings, run)
    _ = StreetWindows(WindowParams()).streets  # drawn before the clock runs, and kept by the generator
    begun, begun_cpu = time.perf_counter(), time.process_time()
    create(run, settings)
    repo = Repository.of_run(run)
    save_checkpoint(bench.fresh_net(1).eval(), bench.folder(0) / MODEL)
    repo.begin_round(1, float(SELECTED))
    stages = Stages(bench, repo, lambda _what, _done, _total: None)
    stages.narrow(1)
    registered = time.perf_counter()
    stages.score(1)
    stages.keep_scores(1)
    done = time.perf_counter()
    select(stages.pool, images)
    queries, _ = stages.pick(1)
    assert len(queries) == min(SELECTED, 8 * images)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    repo.close()
    files = list((bench.folder(1) / "rows").iterdir())
    return {
        "images": images,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "scoring_seconds": done - registered,
        "picking_seconds": time.perf_counter() - done,
        "peak_gib": peak_gib(),
        "row_files": len(files),
        "rows_gib": sum(path.stat().st_size for path in files) / 2**30,
    }


def stored(url: str | None, folder: Path, images: int) -> dict[str, float]:
    """A pool in the store alone: registered, scored, opened again, selected from."""
    times = [time.perf_counter()]
    repo = Repository.create(folder, url)
    assert Pool(repo).register(map(id_of, range(images)), item) == images
    times.append(time.perf_counter())
    draw = Chance(("scores",)).numpy()
    Pool(repo).set_scores((id_of(number), float(draw.random())) for number in range(images))
    repo.close()
    times.append(time.perf_counter())
    repo = Repository.create(folder, url)  # as it is found by who resumes
    assert Pool(repo).register(map(id_of, range(images)), item) == 0
    times.append(time.perf_counter())
    select(Pool(repo), images)
    repo.close()
    times.append(time.perf_counter())
    steps = ("register", "score", "resume", "select")
    parts = {f"{step}_seconds": b - a for step, a, b in zip(steps, times[:-1], times[1:], strict=True)}
    return {"seconds": times[-1] - times[0], **parts, "peak_gib": peak_gib()}


def select(pool: Pool, images: int) -> None:
    """Every unlabelled image in order, the best of them, and some by chance."""
    assert sum(1 for _ in pool.images(Status.UNLABELLED)) == images
    few = min(SELECTED, images)
    best = pool.top(few, Status.UNLABELLED)
    assert [image.score for image in best] == sorted((image.score for image in best), reverse=True)
    assert len({image.id for image in pool.random(few, Chance((0, "select")), Status.UNLABELLED)}) == len(best) == few


def peak_gib() -> float:
    """Resident memory of this process at its highest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def apart(*arguments: str) -> dict[str, float]:
    """What this script says in a process of its own, so that each has a peak of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {name: round(value, 4) for name, value in found.items()}


def growth(pools: list[dict[str, float]], what: str) -> float:
    """Marginal cost of an image from the second pool to the third over that from the first to the second."""
    first, second = ((b[what] - a[what]) / (b["images"] - a["images"]) for a, b in pairwise(pools))
    return round(second / first, 3)


def on_postgres(folder: str, rows: int) -> dict[str, Any]:
    """``stored`` on a server of ours; why not, where there is none."""
    try:
        with serving() as server:
            return apart("--folder", folder, "--rows", str(rows), "--url", server.database())
    except NoServerError as error:
        return {"skipped": str(error)}


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument(
        "--images", type=int, nargs=3, default=[1_000, 10_000, 100_000], help="images of the three pools, rising"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="images in the store alone")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of a measuring process: these three
    parser.add_argument("--pool", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder is not None:
        print(json.dumps(scored(args.folder, args.pool) if args.pool else stored(args.url, args.folder, args.rows)))
        return
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        pools = [apart("--folder", name, "--pool", str(images)) for images in args.images]
        sqlite = apart("--folder", name, "--rows", str(args.rows))
        postgres = on_postgres(name, args.rows)
    stores = [sqlite] + [postgres] * ("skipped" not in postgres)
    found = {
        "seconds_per_image_growth": growth(pools, "seconds"),
        "memory_growth": round(pools[2]["peak_gib"] / pools[1]["peak_gib"], 3),
        "million_rows_seconds": max(round(each["seconds"], 1) for each in stores),
        "million_rows_gib": max(round(each["peak_gib"], 3) for each in stores),
    }
    results: dict[str, Any] = {
        **found,
        "goals": GOALS,
        "holds": {name: value <= GOALS[name] for name, value in found.items()},
        "cpu_seconds_per_image_growth": growth(pools, "cpu_seconds"),
        "pools": pools,
        "sqlite": sqlite,
        "postgres": postgres,
        "rows": args.rows,
        "seconds": round(time.perf_counter() - begun, 1),
        "load": round(os.getloadavg()[0], 2),
        "config": config(args.images[-1]).digest(),
        "command": "make bench-pool",
        "commit": commit(),
        **machine(),
    }
    print_figures(results, args.out)


if __name__ == "__main__":
    main()
