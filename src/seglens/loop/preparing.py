"""What every round needs of the images, made once before round 0: features, regions, what answers extend to, depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

import torch

from seglens.files import write_bytes
from seglens.loop.workbench import Report, Workbench
from seglens.models.features import GROUP
from seglens.protocols import Preparing, Progress
from seglens.types import Chunk, ImageId

Work = Callable[[Sequence[ImageId], Progress | None], object]

PREPARED = "prepared"
"""The digest of the pool that the engine's workers are through with, in the run's folder."""
TOLD = {
    "features": "caching features of the pool",
    "regions": "preparing regions",
    "extents": "preparing what answers extend to",
    "depth": "estimating depth",
}


def works(bench: Workbench) -> dict[str, Work]:
    """What is made of the pool's images, by name; each is kept in the cache by image, or by a few of them."""
    found: dict[str, Work] = {}
    if bench.cache is not None:
        found["features"] = bench.cache.fill
    found["regions"] = bench.cut.prepare
    if isinstance(bench.settle, Preparing):
        found["extents"] = bench.settle.prepare
    if "proximity" in bench.needs:
        found["depth"] = bench.depth.prepare
    return found


@dataclass(frozen=True)
class PrepareChunks:
    """What an engine's worker is given: everything that is made of a chunk's images. Picklable.

    Args:
        bench: the run.
    """

    bench: Workbench

    def __call__(self) -> Callable[[Chunk], int]:
        """The work itself: returns how many images there were."""
        every = works(self.bench).values()

        def prepare(chunk: Chunk) -> int:
            for work in every:
                work(chunk.images, None)
            return len(chunk.images)

        return prepare


def prepare(bench: Workbench, report: Report) -> None:
    """Make what is not there yet. Resumable; quick when all is there.

    An engine with workers of its own shares the pool's images among them, once for each pool; what is of the pool as a
    whole is settled here before, and the rest made here after.
    """
    if bench.config.threads:
        torch.set_num_threads(bench.config.threads)
    pool = [*bench.pool, *bench.audit_set]
    every = works(bench)
    path = bench.run / PREPARED
    if bench.config.engine.name != "local" and not (path.exists() and path.read_text() == bench.pool_digest):
        if bench.cache is not None:
            bench.cache.check_size(pool)
        for work in every.values():
            work([], None)
        _share(bench, report)
    for name, work in every.items():
        work(pool if name == "features" else bench.pool, partial(report, TOLD[name]))
    if bench.eval_cache is not None and bench.eval_data is not None:
        bench.eval_cache.fill(list(bench.eval_data.ids), partial(report, "caching features of the evaluation images"))


def _share(bench: Workbench, report: Report) -> None:
    # whole groups of the feature cache, as far as the audit set leaves them whole: two workers at one would wait
    size = GROUP * ceil(bench.config.chunk / GROUP)
    ids = [bench.pool[start : start + size] for start in range(0, len(bench.pool), size)]
    chunks = [Chunk(number, tuple(some)) for number, some in enumerate(ids)]
    done = 0
    for chunk, _ in bench.engine.run(PrepareChunks(bench), chunks):
        done += len(chunk.images)
        report("preparing the images", done, len(bench.pool))
    write_bytes(bench.run / PREPARED, bench.pool_digest.encode())
