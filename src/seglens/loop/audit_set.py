"""The audit set: images drawn by chance, labelled whole and measured on, which the loop never asks about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.acquisition.reasons import audit_reason
from seglens.acquisition.settle.paint import paint
from seglens.functional.bootstrap import miou_interval
from seglens.functional.metrics import iou, miou
from seglens.loop.workbench import Report, Workbench, device
from seglens.models import load_checkpoint
from seglens.oracles.cost import estimate
from seglens.store import Metric, Repository
from seglens.training import evaluate
from seglens.types import (
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    ByteArray,
    ImageId,
    IntArray,
    Purpose,
    Query,
    Region,
)

KEY = "audit-set"
"""Key of the regions that the questions are about: whole images."""


def audit_queries(bench: Workbench) -> list[Query]:
    """The questions about the audit set: each image whole, in round 0, paid apart from the budget."""
    return [_query(bench, id) for id in bench.audit_set]


def _query(bench: Workbench, id: ImageId) -> Query:
    height, width = bench.data.item(id).size
    region = Region(id, (height, width), np.array([[0, height * width]], np.int32), KEY, 0)
    digest = hashlib.sha256(repr((KEY, bench.config.seed, bench.config.digest(), id, region.size)).encode())
    cost = estimate(region, region.pixels, AnswerKind.DENSE, bench.oracle)
    reason = audit_reason(region)
    return Query(digest.hexdigest()[:24], 0, region, AnswerKind.DENSE, 0.0, cost, reason, Purpose.AUDIT)


@dataclass(frozen=True)
class AnsweredLabels:
    """A LabelSource of what people said of whole images; of several answers to one, the first holds."""

    answers: dict[ImageId, Answered]

    @classmethod
    def of(cls, repo: Repository) -> AnsweredLabels:
        """Of a run's audit set."""
        found: dict[ImageId, Answered] = {}
        for pair in repo.answered(purpose=Purpose.AUDIT):
            if pair.answer.status is AnswerStatus.ANSWERED:
                found.setdefault(pair.query.image, pair)
        return cls(found)

    def has(self, id: ImageId) -> bool:
        """Whether the image has been labelled."""
        return id in self.answers

    def label(self, id: ImageId) -> ByteArray:
        """(H, W) uint8 class index, IGNORE = void."""
        pair = self.answers[id]
        return paint(AnsweredImage(id, pair.query.region.size, [pair])).label


def costs(repo: Repository, round: int) -> list[Metric]:
    """What the audit set's answers have cost so far: clicks, pixels, seconds."""
    cost = repo.spent(purpose=Purpose.AUDIT)
    figures = {"audit_clicks": cost.clicks, "audit_pixels": cost.pixels, "audit_seconds": cost.seconds}
    return [Metric(round, name, "", -1, value) for name, value in figures.items()]


def measure(bench: Workbench, repo: Repository, rounds: Sequence[int], report: Report) -> list[Metric]:
    """The figures of the models of ``rounds`` on the labelled images of the audit set.

    A round that was measured on as many images as are labelled now is left out, so that all rounds stand on the same
    images: people may label the audit set at any time. ``audit_miou`` with the 95 % interval from ``audit_miou_low`` to
    ``audit_miou_high`` (``functional.bootstrap``), ``audit_iou`` by class, ``audit_images``: how many.
    """
    labels = AnsweredLabels.of(repo)
    ids = [id for id in bench.audit_set if labels.has(id)]
    known = {m.round: m.value for m in repo.metrics(name="audit_images")}
    stale = [round for round in rounds if known.get(round) != len(ids) and bench.model(round + 1) is not None]
    metrics: list[Metric] = []
    for place, round in enumerate(stale if ids else ()):
        report("measuring on the audit set", place, len(stale))
        path = bench.model(round + 1)
        assert path is not None
        net = load_checkpoint(path).to(device())
        size = bench.config.model.size
        native = evaluate(net, bench.data, labels, ids, size=size, cache=bench.cache, batch=bench.config.chunk)[0]
        assert native.by_image is not None
        metrics += _figures(bench, round, native.by_image)
    return metrics


def _figures(bench: Workbench, round: int, confusions: IntArray) -> list[Metric]:
    # of no round: the same resamples for all, so that their intervals move with the models alone
    low, high = miou_interval(confusions, bench.chance.child(KEY, "bootstrap"))
    whole = confusions.sum(0)
    figures = {"audit_miou": miou(whole), "audit_miou_low": low, "audit_miou_high": high}
    metrics = [Metric(round, "audit_images", "", -1, float(len(confusions)))]
    metrics += [Metric(round, name, "native", -1, _known(value)) for name, value in figures.items()]
    return metrics + [Metric(round, "audit_iou", "native", c, _known(float(v))) for c, v in enumerate(iou(whole))]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
