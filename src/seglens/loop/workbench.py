"""What a run works with, built once a process: data, network, caches, parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn import Module

import seglens.acquisition
import seglens.depth
import seglens.engines
import seglens.oracles  # noqa: F401 - the imports register the parts
from seglens.acquisition.traits import Traits
from seglens.config import PartConfig, RunConfig
from seglens.data import open_data, open_labels
from seglens.data.object_cache import cache_folder
from seglens.evidence import NetEvidence
from seglens.loop.simulated import pool_counts
from seglens.models import FeatureCache, SegNet, build_network, load_checkpoint, load_member
from seglens.protocols import (
    Companion,
    Cut,
    DepthSource,
    Engine,
    LabelSource,
    Learner,
    Narrow,
    Oracle,
    PartContext,
    Pick,
    Privileged,
    Score,
    SegDataset,
    Settle,
    TraitReader,
)
from seglens.registry import companions, cuts, depths, engines, narrows, oracles, picks, scores, settles
from seglens.types import AnswerKind, Chance, Chunk, ImageId, IntArray, Region, SeglensError, Stage, Unit

Report = Callable[[str, int, int], None]
"""Called with (what, done, total) during long work."""

MODEL = "model.pt"
AUDIT_SET = "audit-set.json"
"""The audit set of a run whose data grew."""
ROWS_AT_ONCE = 100_000
"""Rows that are read together when a round picks."""
LEARNT = "score.json"
"""What a round's score learnt of the answers before it."""


def device() -> torch.device:
    """Where networks run: the accelerator there is, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Workbench:
    """The parts of a run, and how evidence is made of them. Picklable: everything is built from config and paths.

    Args:
        config: the resolved config.
        run: the run's folder.
    """

    config: RunConfig
    run: Path

    def __reduce__(self) -> tuple[type[Workbench], tuple[RunConfig, Path]]:
        return (Workbench, (self.config, self.run))

    @cached_property
    def chance(self) -> Chance:
        """The run's chance."""
        return Chance((self.config.seed,))

    @cached_property
    def data(self) -> SegDataset:
        """The pool's images."""
        return open_data(self.config.data, self.config.cache)

    @cached_property
    def eval_data(self) -> SegDataset | None:
        """The evaluation's images."""
        return open_data(self.config.eval_data, self.config.cache) if self.config.eval_data else None

    @cached_property
    def eval_labels(self) -> LabelSource:
        """The evaluation's truth."""
        assert self.config.eval_data is not None
        return open_labels(self.config.eval_data)

    @cached_property
    def labels(self) -> LabelSource | None:
        """The pool's truth, for an oracle that simulates; None where a person or the machine answers."""
        return open_labels(self.config.data) if self.oracle.simulation else None

    @cached_property
    def audit_set(self) -> tuple[ImageId, ...]:
        """The images that are measured on and never asked about to learn from, in the order of the data.

        Each image has a draw of its own and those of the lowest draws are taken, so that neither the order of the data
        nor anything the loop does can decide. Images that come later do not change it (``loop.growth``).

        Raises:
            SeglensError: more than the pool can give.
        """
        if (self.run / AUDIT_SET).exists():
            held = set(json.loads((self.run / AUDIT_SET).read_text()))
            return tuple(id for id in self.images if id in held)
        wanted = self.config.audit_set.images
        if not wanted:
            return ()
        if wanted >= len(self.images):
            raise SeglensError(
                f"audit_set.images: found {wanted}, but the pool has {len(self.images)} images, and one must "
                f"be left to ask about; allowed: 1 to {len(self.images) - 1}"
            )
        draws = {id: self.chance.child("audit-set", id).seed() for id in self.images}
        drawn = set(sorted(self.images, key=lambda id: draws[id])[:wanted])
        return tuple(id for id in self.images if id in drawn)

    @cached_property
    def pool(self) -> tuple[ImageId, ...]:
        """The images that can be asked about: all, or in simulation those with a mask; without the audit set.

        Raises:
            SeglensError: none.
        """
        held = set(self.audit_set)
        return tuple(id for id in self.images if id not in held) if held else self.images

    @cached_property
    def images(self) -> tuple[ImageId, ...]:
        """The pool with the audit set."""
        ids = tuple(self.data.ids)
        if self.labels is not None:
            ids = tuple(id for id in ids if self.labels.has(id))
        if not ids:
            found = f"{len(self.data.ids)} images, none with a mask"
            raise SeglensError(
                f"data: an empty pool for 'ask: {self.config.ask.name}': found {found}. "
                "A simulated oracle needs masks; 'ask: human' needs none."
            )
        return ids

    @cached_property
    def pool_digest(self) -> str:
        """A digest of the pool's ids, in order; contents may change: a damaged file can be replaced."""
        return hashlib.sha256("\n".join(self.pool).encode()).hexdigest()[:16]

    @cached_property
    def pool_counts(self) -> IntArray:
        """(C,) pixels of each class in the pool's truth, for figures that only a simulation has."""
        assert self.labels is not None
        return pool_counts(self.labels, self.pool, len(self.data.classes))

    @cached_property
    def image_pixels(self) -> float:
        """Mean native pixels of an image of the pool."""
        return float(np.mean([np.prod(self.data.item(id).size) for id in self.pool]))

    @cached_property
    def unit_pixels(self) -> float:
        """Pixels in one unit of the budget, where its unit is made of pixels: a mean image's, or the whole pool's."""
        whole = self.config.budget.unit is Unit.POOL_SHARE
        return self.image_pixels * (len(self.pool) if whole else 1)

    @cached_property
    def context(self) -> PartContext:
        """What parts are built with."""
        return PartContext(self.data.classes, self.data, cache_folder(self.config.cache), self.config.model.size)

    @property
    def rows_at_once(self) -> int:
        """Most rows that are read together when a round picks."""
        return ROWS_AT_ONCE

    # -- the seven choices ----------------------------------------------------------------------------------------
    @cached_property
    def narrows(self) -> list[Narrow]:
        """Which images are worth a look."""
        return [narrows.build(part, self.context) for part in self.config.narrow]

    @cached_property
    def score(self) -> Score:
        """How much would this pixel teach."""
        return self._built_score()

    def _built_score(self) -> Score:
        """The score, to which the truth is revealed where it is privileged, in simulation; to nothing else it is."""
        score: Score = scores.build(self.config.score, self.context)
        if score.privileged and isinstance(score, Privileged) and self.labels is not None:
            score.reveal(self.labels)
        return score

    def score_of(self, round: int) -> Score:
        """The score as it stands in a round: chance while there is no model, then with what it learnt."""
        if self.model(round) is None:
            return self.first_score
        learnt = self.folder(round) / LEARNT
        if not (isinstance(self.score, Learner) and learnt.exists()):
            return self.score
        score: Any = self._built_score()
        score.recall(json.loads(learnt.read_text()))
        return cast(Score, score)

    @cached_property
    def depth(self) -> DepthSource:
        """How near is each pixel."""
        depth: DepthSource = depths.build(self.config.depth, self.context)
        return depth

    @cached_property
    def first_score(self) -> Score:
        """Round 0 has no model: chance."""
        score: Score = scores.build(PartConfig(name="random"), self.context)
        return score

    @cached_property
    def cut(self) -> Cut:
        """What is one question."""
        cut: Cut = cuts.build(self.config.cut, self.context)
        return cut

    def cut_of(self, round: int) -> Cut:
        """The cut as it stands in a round.

        One that follows the score has nothing to follow while there is no model: where answers are drawn, whole images
        are asked about then, as the papers' initial labelled sets are.
        """
        drawn = self.config.answer in (AnswerKind.DENSE, AnswerKind.MASK)
        if self.cut.partition or not drawn or self.model(round) is not None:
            return self.cut
        cut: Cut = cuts.build(PartConfig(name="image"), self.context)
        return cut

    def pick(self, first: bool) -> Pick:
        """Which of them; while there is no model (``first``), the config's ``start``."""
        pick: Pick = picks.build(self.config.start if first else self.config.pick, self.context)
        return pick

    def traits(self, round: int) -> Traits:
        """What the round's pick reads of regions beside their score."""
        first = self.model(round) is None
        pick = self.pick(first)
        names = pick.needs if isinstance(pick, TraitReader) else frozenset[str]()
        return Traits(names, "bottleneck" if first else "trunk", self.chance.child("projection"))

    @cached_property
    def settle(self) -> Settle:
        """What becomes a label."""
        settle: Settle = settles.build(self.config.settle, self.context)
        return settle

    @cached_property
    def oracle(self) -> Oracle:
        """Who answers."""
        oracle: Oracle = oracles.build(self.config.ask, self.context)
        return oracle

    @property
    def by_people(self) -> bool:
        """Whether people answer: what an answer costs is up to them, and they read why they are asked."""
        return not (self.oracle.simulation or self.oracle.free)

    @cached_property
    def companions(self) -> list[Companion]:
        """What trains beside the model."""
        return [companions.build(part, self.context) for part in self.config.companions]

    @cached_property
    def staged(self) -> bool:
        """Whether anything reads the encoder's pooled stages."""
        return any("stages" in part.needs for part in self.companions)

    @property
    def needs(self) -> frozenset[str]:
        """What any part reads of the evidence."""
        own = (self.score.needs, self.settle.needs, self.oracle.needs, *(part.needs for part in self.narrows))
        return frozenset().union(*own)

    @property
    def enough(self) -> float:
        """The share of a round's answers that ends the waiting."""
        return float(self.config.ask.params().get("enough", 1.0))

    @cached_property
    def engine(self) -> Engine:
        """Where the stream runs."""
        engine: Engine = engines.build(self.config.engine)
        return engine

    # -- networks and features ------------------------------------------------------------------------------------
    def folder(self, round: int) -> Path:
        """The folder of a round."""
        return self.run / "rounds" / f"{round:03d}"

    def model(self, round: int) -> Path | None:
        """The model that round ``round`` works with: the latest trained before it; None while there is none."""
        found = (self.folder(earlier) / MODEL for earlier in reversed(range(round)))
        return next((path for path in found if path.exists()), None)

    def net(self, round: int) -> SegNet | None:
        """``model`` loaded, in eval mode."""
        path = self.model(round)
        return load_checkpoint(path).eval().to(device()) if path else None

    def member(self, round: int, name: str) -> Module | None:
        """The network that companion ``name`` left beside ``model``, in eval mode; None where there is none.

        The last one asked for is kept: evidence of every chunk of a round reads the same.
        """
        path = self.model(round)
        kept = path.with_name(f"{name}.pt") if path else None
        if kept is None or not kept.exists():
            return None
        if kept not in self._members:
            self._members.clear()
            self._members[kept] = load_member(kept).eval().to(device())
        return self._members[kept]

    @cached_property
    def _members(self) -> dict[Path, Module]:
        return {}

    def fresh_net(self, round: int) -> SegNet:
        """An untrained network for round ``round``: built anew, with weights drawn by chance, or the last round's."""
        last = self.model(round)
        if self.config.train.restart == "warm" and last is not None:
            return load_checkpoint(last)
        model = self.config.model
        if self.config.train.restart == "random":
            model = model.model_copy(update={"weights": "random"})
        # the same initial weights every round, so that rounds differ by their labels alone
        return build_network(model, self.data.classes, self.chance.child("weights"))

    def untrained(self, round: int) -> SegNet:
        """``fresh_net``, in eval mode: what its encoder sees is there before the first training."""
        return self.fresh_net(round).eval().to(device())

    @property
    def interactive(self) -> bool:
        """Whether the encoder is fixed and its features cached."""
        return self.config.train.rhythm == "interactive"

    def _cache(self, data: SegDataset, views: Sequence[str]) -> FeatureCache | None:
        if not self.interactive:
            return None
        encoder = build_network(self.config.model, data.classes, self.chance.child("weights")).eval().to(device())
        folder = cache_folder(self.config.cache) / "features"
        size, most = self.config.model.size, self.config.cache.max_gib
        return FeatureCache(folder, data, encoder, size, views, most, self.staged)

    @cached_property
    def cache(self) -> FeatureCache | None:
        """Cached features of the pool; None in the finetune rhythm."""
        return self._cache(self.data, self.config.train.views)

    @cached_property
    def eval_cache(self) -> FeatureCache | None:
        """Cached features of the evaluation's images."""
        return self._cache(self.eval_data, ("plain",)) if self.eval_data is not None else None

    def evidence(
        self,
        ids: Sequence[ImageId],
        round: int,
        stage: Stage,
        needs: frozenset[str],
        net: SegNet | None,
        asked: Callable[[ImageId], Sequence[Region]] | None = None,
    ) -> NetEvidence:
        """Evidence of a few images in one round."""
        chance = self.chance.child(round, stage.value)
        precision = self.config.train.precision
        return NetEvidence(
            ids,
            self.data,
            self.config.model.size,
            chance,
            needs,
            net,
            self.cache,
            asked,
            precision,
            depth=self.depth if "proximity" in needs else None,
            member=lambda name: self.member(round, name),
        )

    def chunks(self, ids: Sequence[ImageId]) -> list[Chunk]:
        """Fixed pieces of ``ids``, in order."""
        size = self.config.chunk
        return [Chunk(i, tuple(ids[start : start + size])) for i, start in enumerate(range(0, len(ids), size))]
