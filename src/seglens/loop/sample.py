"""A run in small: the same parts on a few of its images, to measure what the whole will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seglens.config import AuditSetConfig, PartConfig, RunConfig
from seglens.data import open_data, open_labels
from seglens.data.subset import SubsetImages, SubsetLabels
from seglens.functional.run_lengths import indices
from seglens.loop.workbench import Workbench
from seglens.protocols import AskContext, LabelSource, Oracle, SegDataset
from seglens.types import (
    Answer,
    AnswerKind,
    AnswerStatus,
    ImageId,
    Provenance,
    Query,
    Unit,
)

WHAT = "a sample"


@dataclass(frozen=True)
class SampleBench(Workbench):
    """The workbench of a run in small.

    Args:
        ids: the images of the pool that it works with.
        eval_ids: those that it measures on.
    """

    ids: tuple[ImageId, ...] = ()
    eval_ids: tuple[ImageId, ...] = ()

    def __reduce__(self) -> Any:
        return (SampleBench, (self.config, self.run, self.ids, self.eval_ids))

    @cached_property
    def data(self) -> SegDataset:
        """The sample."""
        return SubsetImages(open_data(self.config.data, self.config.cache), self.ids, WHAT)

    @cached_property
    def eval_data(self) -> SegDataset | None:
        """The sample of the evaluation's images."""
        part = self.config.eval_data
        return SubsetImages(open_data(part), self.eval_ids, WHAT) if part else None

    @cached_property
    def eval_labels(self) -> LabelSource:
        """Its truth."""
        assert self.config.eval_data is not None
        return SubsetLabels(open_labels(self.config.eval_data), self.eval_ids, WHAT)

    @cached_property
    def labels(self) -> LabelSource | None:
        """The sample's truth, for an oracle that simulates."""
        return SubsetLabels(open_labels(self.config.data), self.ids, WHAT) if self.oracle.simulation else None

    @cached_property
    def oracle(self) -> Oracle:
        """Who answers: nobody, where a person would; anything is said at once."""
        oracle: Oracle = Workbench(self.config, self.run).oracle
        return oracle if oracle.simulation or oracle.free else Anything(oracle)


class Anything:
    """Answers whatever a person could have said; the labels are thrown away with the sample.

    Args:
        person: who would have been asked.
    """

    def __init__(self, person: Oracle) -> None:
        self.simulation, self.free = False, False
        self.needs, self.kinds = person.needs, person.kinds
        self._answers: dict[str, Answer] = {}

    def submit(self, queries: Sequence[Query], ask: AskContext) -> None:
        """Answer them."""
        for query in queries:
            self._answers[query.id] = _anything(query, len(ask.classes))

    def collect(self) -> list[Answer]:
        """The answers since the last call."""
        answers, self._answers = list(self._answers.values()), {}
        return answers


def _anything(query: Query, classes: int) -> Answer:
    inside = indices(query.region.runs)
    said = int(query.id, 16) % classes
    about: dict[str, Any] = {"classes": (said,)}
    if query.kind in (AnswerKind.DENSE, AnswerKind.MASK):  # two segments
        dense = np.where(np.arange(len(inside)) < len(inside) // 2, said, (said + 1) % classes)
        about = {"dense": dense.astype(np.uint8)}
    elif query.kind is AnswerKind.POINT:
        y, x = divmod(int(inside[len(inside) // 2]), query.region.size[1])
        about["point"] = (y, x)
    return Answer(query.id, AnswerStatus.ANSWERED, query.estimate, Provenance.PERSON, **about)


def small_config(config: RunConfig, share: float, steps: int, spend: float, cache: Path) -> RunConfig:
    """The config of two rounds on a share of the pool, with as many questions an image.

    Args:
        config: of the whole run.
        share: of the pool's images, in (0, 1].
        steps: of training.
        spend: times the share of the budget that the images have.
        cache: where features and superpixels are kept.
    """
    budget = config.budget
    scaled = spend * (1.0 if budget.unit is Unit.POOL_SHARE else share)
    small = {"initial": budget.initial * scaled, "per_round": budget.per_round * scaled}
    return config.model_copy(
        update={
            "rounds": 2,
            "audit_set": AuditSetConfig(),
            "engine": PartConfig(name="local"),
            "narrow": tuple(_fewer(part, share) for part in config.narrow),
            "train": config.train.model_copy(update={"steps": steps, "epochs": None}),
            "budget": budget.model_copy(update={**small, "total": None, "target_miou": None}),
            "cache": config.cache.model_copy(update={"dir": cache}),
        }
    )


def _fewer(part: PartConfig, share: float) -> PartConfig:
    images = part.params().get("images")
    if not isinstance(images, int):
        return part
    return PartConfig.model_validate({**part.model_dump(), "images": max(round(images * share), 1)})
