"""One strategy's third round, played anew from where its second one ended, each time a little differently."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from torch.nn import Module

from seglens.bench.contract.school import School, play
from seglens.bench.contract.strategy import Strategy
from seglens.config import PartConfig
from seglens.loop.budget import charged
from seglens.loop.check import check
from seglens.loop.machine import silent
from seglens.loop.preparing import prepare
from seglens.loop.scoring import load_pool
from seglens.loop.stages import Stages
from seglens.loop.workbench import ROWS_AT_ONCE, Workbench
from seglens.models import FeatureCache, SegNet
from seglens.registry import oracles
from seglens.store import Repository
from seglens.store.database import DATABASE
from seglens.types import AnswerKind, Cost, ImageId, Query

ROUND = 2
"""The round that is played again: parts that learn from answers have some by then."""

Place: TypeAlias = tuple[ImageId, int]
"""An image and the number of a region."""


@dataclass(frozen=True)
class TrialBench(Workbench):
    """A run's parts with the school's model for every training.

    Args:
        school: what is shared.
        order: positions of the pool's images, in the order to go through them; None = theirs.
        rows_at_once: as a run's, where fewer rows are held at once.
        variant: where the replayed round lies.
    """

    school: School = field(kw_only=True)
    order: tuple[int, ...] | None = field(default=None, kw_only=True)
    rows_at_once: int = field(default=ROWS_AT_ONCE, kw_only=True)
    variant: str = field(default="", kw_only=True)

    @cached_property
    def taught(self) -> Workbench:
        """The run that left the model."""
        return self.school.taught(self.config)

    @cached_property
    def pool(self) -> tuple[ImageId, ...]:
        """As a run's, in the trial's order."""
        ids = super().pool
        return ids if self.order is None else tuple(ids[position] for position in self.order)

    @cached_property
    def cache(self) -> FeatureCache | None:
        """The school's features."""
        return self.taught.cache

    def folder(self, round: int) -> Path:
        """The replayed round has a folder for each way it is played."""
        return self.run / (self.variant or "rounds") / f"{round:03d}" if round >= ROUND else super().folder(round)

    def model(self, round: int) -> Path | None:
        """The school's model after round 0."""
        return self.taught.model(1) if round else None

    def net(self, round: int) -> SegNet | None:
        """The school's model, loaded once."""
        return self.school.net(self.taught) if round else None

    def member(self, round: int, name: str) -> Module | None:
        """What the school's companions left behind."""
        return self.taught.member(1, name) if round else None


@dataclass(frozen=True)
class Played:
    """What came of a round.

    Args:
        scores: final score of each region.
        questions: the questions, best first.
        labels: a digest of every label then; empty = not settled.
        left: regions that could be asked about.
    """

    scores: dict[Place, float]
    questions: tuple[Query, ...]
    labels: str
    left: int

    @property
    def regions(self) -> set[tuple[ImageId, bytes]]:
        """What is asked about, in any order."""
        return {(query.image, query.region.runs.tobytes()) for query in self.questions}

    @property
    def places(self) -> set[Place]:
        """Images and numbers of the regions asked about."""
        return {(query.image, query.region.index) for query in self.questions}


class Trial:
    """A strategy on the tiny pool, two rounds of it played.

    Args:
        strategy: what is tried.
        school: what trials share.
        run: folder of the trial's run; not there yet.

    Raises:
        SeglensError: choices that do not go together, or a part that fails.
    """

    def __init__(self, strategy: Strategy, school: School, run: Path) -> None:
        config = school.config({"budget": _budget(strategy), **strategy.choices}, strategy.name)
        self.bench = TrialBench(config, run, school=school)
        check(self.bench)
        run.mkdir(parents=True)
        shutil.copyfile(school.database, run / DATABASE)
        self.repo = Repository.of_run(run)
        prepare(self.bench, silent)
        for round in range(ROUND):
            play(Stages(self.bench, self.repo, silent), round)
        self.allowance = config.budget.per_round  # whatever earlier answers cost: the round is to have questions
        self.repo.begin_round(ROUND, self.allowance)

    def varied(self, variant: str, **changes: Any) -> TrialBench:
        """The run's parts, built anew.

        Args:
            variant: name of this way to play the round.
            changes: of the bench: its ``order`` or ``rows_at_once``, or of the config: ``chunk`` or ``data``.
        """
        own = {name: changes.pop(name) for name in ("order", "rows_at_once") if name in changes}
        config = self.bench.config.model_copy(update=changes)
        return replace(self.bench, config=config, variant=variant, **own)

    def play(self, variant: str, settled: bool = False, **changes: Any) -> Played:
        """The round played to its questions, or with ``settled`` to its labels; see ``varied``."""
        bench = self.varied(variant, **changes)
        self.begin(bench)
        return self.end(bench, settled)

    def begin(self, bench: TrialBench) -> None:
        """The round up to its scores, which are on disk then."""
        stages = Stages(bench, self.repo, silent)
        stages.narrow(ROUND)
        stages.score(ROUND)

    def end(self, bench: TrialBench, settled: bool = False) -> Played:
        """The round's questions, and with ``settled`` the labels that its settle makes of all answers."""
        stages = Stages(bench, self.repo, silent)
        queries, _ = stages.pick(ROUND)
        rows = load_pool(bench, ROUND, stages.chunks(ROUND))
        final = bench.score_of(ROUND).finish(rows)
        places = zip(rows.images.tolist(), rows.regions.tolist(), strict=True)
        scores = dict(zip(places, np.asarray(final, np.float64).tolist(), strict=True))
        if settled:
            stages.settle(ROUND)
        return Played(scores, tuple(queries), _digest(bench.run) if settled else "", int((rows.fresh > 0).sum()))

    def charged(self, queries: Sequence[Query]) -> float:
        """What questions are estimated to cost, in the budget's unit."""
        cost = sum((query.estimate for query in queries), Cost())
        return charged(cost, len(queries), self.bench.config.budget.unit, self.bench.unit_pixels)

    def close(self) -> None:
        """Let go of the store."""
        self.repo.close()


def _budget(strategy: Strategy) -> dict[str, Any]:
    """Whole images where answers are drawn or cost no click, else clicks."""
    drawn = strategy.choices.get("answer") in (AnswerKind.DENSE.value, AnswerKind.MASK.value)
    ask = PartConfig.model_validate(strategy.choices.get("ask", "simulated"))
    if drawn or oracles.get(ask.name).free:
        return {"unit": "image-equivalents", "initial": 2, "per_round": 1}
    return {"unit": "clicks", "initial": 12, "per_round": 12}


def _digest(run: Path) -> str:
    digest = hashlib.sha256()
    for folder in ("labels", "provenance"):
        for path in sorted((run / folder).glob("*")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
