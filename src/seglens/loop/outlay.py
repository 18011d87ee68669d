"""What a run will cost in time and space, measured by a run in small on this machine."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from seglens.config import RunConfig
from seglens.loop.choosing import holds_all
from seglens.loop.machine import Machine, NothingPaid
from seglens.loop.preparing import works
from seglens.loop.sample import SampleBench, small_config
from seglens.loop.scoring import load_rows
from seglens.loop.workbench import Report, Workbench
from seglens.models import FeatureCache
from seglens.store import Repository
from seglens.types import ImageId, Stage

IMAGES = 16
"""Images of the pool that the run in small works with, and of the evaluation."""
MANY = 96
"""Images of the pool that it works with the second time, to tell what an image adds."""
STEPS = 16
"""Steps of its trainings."""
WARM = 3
"""Steps that are not timed."""
DOUBLINGS = 12
"""How often a budget that pays for no question is doubled."""
TRAINING, EVALUATING = "training", "evaluating"
BY_IMAGES = (Stage.NARROW, Stage.SCORE, Stage.PICK, Stage.ASK, Stage.AWAIT)
"""Stages that take as long as there are images."""


@dataclass(frozen=True)
class Outlay:
    """What a run will cost, people's time aside.

    Args:
        prepare: seconds spent once, before round 0, by what is prepared; what is in the cache already takes none.
        rounds: seconds of each round by stage.
        disk: bytes by what is kept: features and regions in the cache (those there already counted too); rows, maps,
            models, labels and the database in the run's folder.
        memory: bytes that the driving process needs at its peak: whatever the pool (``rest``), and for its ``rows``.
        holds_all: whether the pick has to see all rows of a round together; else their memory does not grow.
        images: of the pool, of the audit set, of the evaluation.
        measured_on: images of the pool that the run in small worked with.
        seconds: what measuring took.
    """

    prepare: Mapping[str, float]
    rounds: Sequence[Mapping[str, float]]
    disk: Mapping[str, int]
    memory: Mapping[str, int]
    holds_all: bool
    images: Mapping[str, int]
    measured_on: int
    seconds: float

    @property
    def total(self) -> float:
        """Seconds of the whole run."""
        return sum(self.prepare.values()) + sum(sum(stages.values()) for stages in self.rounds)


@dataclass
class Clock:
    """A report that notes when each piece of work was done: (seconds, done) by what is done."""

    seen: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Note it."""
        self.seen.setdefault(what, []).append((time.perf_counter(), done))

    def rate(self, what: str, skip: int = 0) -> float | None:
        """Seconds a piece over the last stretch in which the number done rose; None where nothing was told."""
        points = self.seen.get(what, [])
        starts = [i for i in range(1, len(points)) if points[i][1] <= points[i - 1][1]]
        last = [point for point in points[starts[-1] if starts else 0 :] if point[1] >= skip]
        if len(last) < 2 or last[-1][1] == last[0][1]:
            return None
        return (last[-1][0] - last[0][0]) / (last[-1][1] - last[0][1])


def foresee(config: RunConfig, run: Path, report: Report, images: int | None = None) -> Outlay:
    """What the whole run of ``config`` will cost.

    Two rounds are run on a few images in a temporary folder, with as many questions an image and few steps; what takes
    time by images is multiplied, what takes time by steps too. Answers that people would give are made up. For a pool
    of another size the two rounds are run on more images as well, and what an image adds is multiplied.

    Args:
        config: of the run.
        run: its folder, which may not be there yet; nothing is written to it.
        report: told of progress.
        images: of the pool, as if it had so many like those that are there and none cached; None = as it is.

    Raises:
        SeglensError: parts or data that are not there.
    """
    begun = time.perf_counter()
    with TemporaryDirectory(prefix="seglens-") as folder:
        whole = Workbench(config, run)
        small = _Small(whole, Path(folder), report, images)
        small.drive()
        if images is not None:
            (Path(folder) / "more").mkdir()
            fewer, small = small, _Small(whole, Path(folder) / "more", report, images, MANY)
            small.drive()
            small.fewer = fewer
        rounds = [small.round(number) for number in range(config.rounds)]
        prepare, disk, memory = small.prepared(), small.disk(), small.memory()
    seconds = time.perf_counter() - begun
    return Outlay(prepare, rounds, disk, memory, holds_all(whole), small.images, len(small.ids), seconds)


class _Small:
    """The run in small, and what it says of the whole."""

    def __init__(
        self, whole: Workbench, folder: Path, report: Report, images: int | None = None, most: int = IMAGES
    ) -> None:
        self.whole, self.folder, self.report = whole, folder, report
        evaluation = list(whole.eval_data.ids) if whole.eval_data is not None else []
        self.ids, self.eval_ids = _spread(whole.pool, most), _spread(evaluation, IMAGES)
        self.planned = images is not None
        pool = len(whole.pool) if images is None else images
        self.times = pool / len(self.ids)
        self.images = {"pool": pool, "audit_set": len(whole.audit_set), "evaluation": len(evaluation)}
        self.fewer: _Small | None = None
        self.clock = Clock()
        self.took: dict[str, float] = {}

    def drive(self) -> None:
        """Run it; a budget that pays for no question is doubled until it does."""
        for attempt in range(DOUBLINGS + 1):
            try:
                return self._drive(2.0**attempt)
            except NothingPaid:
                if attempt == DOUBLINGS:
                    raise
        raise AssertionError("unreachable")

    def _drive(self, spend: float) -> None:
        config = small_config(self.whole.config, min(1 / self.times, 1.0), STEPS, spend, self.folder / "cache")
        run = self.folder / f"run-{spend:g}"
        run.mkdir()
        self.bench = SampleBench(config, run, self.ids, self.eval_ids)
        Repository.create(run).close()
        self.empty = _size(run.glob("seglens.db*"))
        repo = Repository.of_run(run)
        try:
            repo.set_meta("data", self.bench.pool_digest)
            self._prepare()
            Machine(self.bench, repo, self._told, 0.0).drive()
            events = [e for e in repo.events("stage") if e.round is not None and e.stage is not None]
            self.stages = {(e.round, e.stage): float(e.data["seconds"]) for e in events}
            asked = [{query.image for query in repo.queries(number)} for number in (0, 1)]
            self.shares = [len(found) / len(self.ids) / spend for found in asked]
            self.queries = len(repo.queries())
            self.spend = spend
        finally:
            repo.close()
        self.full = _size(run.glob("seglens.db*"))

    def _told(self, what: str, done: int, total: int) -> None:
        self.clock(what, done, total)
        self.report("measuring on a few images: " + what, 0, 0)

    # -- before round 0 ---------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        bench = self.bench
        if bench.config.threads:
            torch.set_num_threads(bench.config.threads)
        for name, work in works(bench).items():
            begun = time.perf_counter()
            work(bench.pool, partial(self._told, name))
            self.took[name] = time.perf_counter() - begun

    def prepared(self) -> dict[str, float]:
        """Seconds spent before round 0, by what is prepared."""
        more = self.images["pool"] - len(self.ids)
        found = {n: s + (self.clock.rate(n) or s / len(self.ids)) * more for n, s in self.took.items()}
        if self.whole.cache is not None:
            plain, views = self._uncached(self.whole.eval_cache), len(self.whole.cache.views)
            each = self.clock.rate("features") or self.took["features"] / len(self.ids)
            found["features"] = each * (self._uncached(self.whole.cache) + plain / views)
        return found

    def _uncached(self, cache: FeatureCache | None) -> int:
        """Images that are still to be encoded."""
        if cache is None:
            return 0
        if self.planned:
            names = ("pool", "audit_set") if cache is self.whole.cache else ("evaluation",)
            return sum(self.images[name] for name in names)
        ids = [*self.whole.pool, *self.whole.audit_set] if cache is self.whole.cache else cache.data.ids
        return cache.missing(ids)

    # -- rounds -----------------------------------------------------------------------------------------------------
    def round(self, number: int) -> dict[str, float]:
        """Seconds of a round's stages: those of the small run's first one, or of its second for every later one."""
        like = min(number, 1)
        # what comes back to the next stages with the first model is its loading, however many images there are
        load = max(self.stages[1, Stage.ASK] - self.stages[0, Stage.ASK], 0.0) if number else 0.0

        def grown(stage: Stage, count: Callable[[_Small], float], to: float) -> float:
            """Seconds of a stage that took what it took for so many, when there are others."""
            took, here = self.stages[like, stage], count(self)
            if self.fewer is None:
                return max(took - load, 0.0) * to / here + min(load, took)
            less, there = self.fewer.stages[like, stage], count(self.fewer)
            each = max(took - less, 0.0) / (here - there) if here > there else took / here
            return took + each * (to - here)

        found = {stage: grown(stage, lambda s: len(s.ids), self.images["pool"]) for stage in BY_IMAGES}
        found[Stage.ASK] = grown(Stage.ASK, lambda s: len(s.ids) * s.spend, self.images["pool"])
        labelled = self._labelled(number) * self.images["pool"]
        found[Stage.SETTLE] = grown(Stage.SETTLE, lambda s: len(s.ids) * s._labelled(like, s.spend), labelled)
        step = self.clock.rate(TRAINING, WARM) or 0.0
        beside = max(self.stages[like, Stage.TRAIN] - STEPS * step, 0.0)
        found[Stage.TRAIN] = beside + self._steps(number) * step
        found[Stage.EVALUATE] = self._evaluating(like)
        return {stage.value: found[stage] for stage in Stage}

    def _steps(self, number: int) -> int:
        train = self.whole.config.train
        images = self._labelled(number) * self.images["pool"]
        return train.steps or math.ceil((train.epochs or 1) * images / train.batch)

    def _labelled(self, number: int, spend: float = 1.0) -> float:
        """The share of the pool that has labels after a round, as if each round drew its images anew."""
        first, later = (min(share * spend, 1 - 1e-9) for share in self.shares)
        return 1 - (1 - first) * (1 - later) ** number

    def _evaluating(self, like: int) -> float:
        """Of a round: the images measured on, and what is told of the pool's labels."""
        took, each = self.stages[like, Stage.EVALUATE], self.clock.rate(EVALUATING) or 0.0
        audited = (each or took / len(self.ids)) * self.images["audit_set"]
        rest = self._beside_measuring(like)
        if self.fewer is None:
            told = rest * self.times
        else:
            more = (rest - self.fewer._beside_measuring(like)) / max(len(self.ids) - len(self.fewer.ids), 1)
            told = rest + max(more, 0.0) * (self.images["pool"] - len(self.ids))
        return told + each * self.images["evaluation"] + audited

    def _beside_measuring(self, like: int) -> float:
        each = self.clock.rate(EVALUATING) or 0.0
        return max(self.stages[like, Stage.EVALUATE] - each * len(self.eval_ids), 0.0)

    # -- space ------------------------------------------------------------------------------------------------------
    def disk(self) -> dict[str, int]:
        """Bytes by what is kept when the whole run is done."""
        run, cache, rounds = self.bench.run, self.folder / "cache", self.whole.config.rounds
        found: dict[str, float] = {"features": 0}
        if self.whole.cache is not None:
            found["features"] = self.whole.cache.estimate_bytes(self.images["pool"] + self.images["audit_set"])
        if self.whole.eval_cache is not None:
            found["features"] += self.whole.eval_cache.estimate_bytes(self.images["evaluation"])
        others = [path for path in cache.rglob("*") if "features" not in path.relative_to(cache).parts]
        found["regions"] = _size(others) * self.times
        first, later = (self._round_sizes(number) for number in (0, 1))
        for name in first:
            times = 1 if name == "models" else self.times
            found[name] = times * (first[name] + (rounds - 1) * later[name])
        labels = [path for name in ("labels", "provenance") for path in (run / name).glob("*")]
        found["labels"] = _size(labels) * self.times * self._labelled(rounds - 1) / self._labelled(1, self.spend)
        queries = self.queries * self.times * rounds / 2 / self.spend
        each = (self.full - self.empty) / max(self.queries, 1)
        found["database"] = self.empty + each * queries
        return {name: round(size) for name, size in found.items()}

    def memory(self) -> dict[str, int]:
        """Bytes of the driving process at its peak: what it needs for any pool, and what a round's rows take."""
        parts = [load_rows(path) for path in sorted((self.bench.folder(1) / "rows").glob("*.npz"))]
        held = [a for rows in parts for a in (rows.images, rows.regions, rows.sizes, rows.fresh, *rows.arrays.values())]
        each = sum(array.nbytes for array in held) / len(self.ids)
        rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        at_once = self.images["pool"]
        if not holds_all(self.whole):  # a shard, and as many again that were kept of those before
            at_once = min(at_once, math.ceil(2 * self.whole.rows_at_once * len(self.ids) / sum(map(len, parts))))
        return {"rest": rest, "rows": round(2 * each * at_once)}  # they are put together: twice there

    def _round_sizes(self, number: int) -> dict[str, int]:
        folder = self.bench.folder(number)
        return {
            "rows": _size((folder / "rows").glob("*")),
            "maps": _size((folder / "maps").glob("*")),
            "models": _size(folder.glob("*.pt")),
        }


def _spread(ids: Sequence[ImageId], most: int) -> tuple[ImageId, ...]:
    """A few images, evenly spread."""
    places = np.unique(np.linspace(0, len(ids) - 1, min(most, len(ids))).astype(int)) if ids else ()
    return tuple(ids[place] for place in places)


def _size(paths: Iterable[Path]) -> int:
    """Bytes of the files among paths."""
    return sum(path.stat().st_size for path in paths if path.is_file())
