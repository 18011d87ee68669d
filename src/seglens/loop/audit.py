"""The audit of a run's labels: which answers do the model and answers about similar regions doubt?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seglens.acquisition.traits import enlarged
from seglens.functional.audit import Doubts, doubts, joined
from seglens.functional.run_lengths import box
from seglens.loop.machine import load_config
from seglens.loop.parts import Part, parts_of, places
from seglens.loop.workbench import Report, Workbench
from seglens.models import SegNet
from seglens.store import LabelFiles, Repository
from seglens.training import TrainSource, train
from seglens.types import BoolArray, ByteArray, FloatArray, ImageId, IntArray, SeglensError, Stage

FOLDS = 3
"""Parts of the images in cross-fitting: each is judged by a model that learnt from the others."""


@dataclass(frozen=True)
class Audit:
    """Answers, and what speaks against them.

    Args:
        parts: R answers; of drawn ones each segment.
        found: what speaks against each.
        order: (R,) positions of the parts, most suspicious first.
        predictions: (h, w) class of each pixel of an image by the model that judged it, at the model's size.
        folds: of cross-fitting; 0 = the neighbours alone decided.
        at: when the answers were read.
    """

    parts: Sequence[Part]
    found: Doubts
    order: IntArray
    predictions: Mapping[ImageId, ByteArray]
    folds: int
    at: datetime

    def rows(self, names: Sequence[str], most: int | None = None) -> list[dict[str, Any]]:
        """The most suspicious answers as plain JSON values.

        Args:
            names: of the classes.
            most: how many; None = all.
        """
        return [self._row(rank, int(at), names) for rank, at in enumerate(self.order[:most], 1)]

    def _row(self, rank: int, at: int, names: Sequence[str]) -> dict[str, Any]:
        part, found = self.parts[at], self.found
        query, answer = part.pair.query, part.pair.answer
        return {
            "rank": rank,
            "query": query.id,
            "round": query.round,
            "image": query.image,
            "box": box(part.region.runs, part.region.size),
            "pixels": part.region.pixels,
            "annotator": answer.annotator,
            "said": [names[c] for c in part.classes],
            "suspicion": round(float(found.suspicion[at]), 4),
            "instead": names[found.better[at]],
            "model": names[found.preferred[at]],
            "confidence": round(float(found.confidence[at]), 4),
            "margin": round(float(found.margin[at]), 4),
            "neighbours": names[found.neighbours[at]],
            "agreement": round(float(found.agreement[at]), 4),
        }


class Auditor:
    """Audits the answers of a run.

    Args:
        run: its folder; read, never written.
        report: told of progress.
        folds: of cross-fitting, at least 2; 0 = no training: the latest model is shown, and as it learnt these very
            answers, their neighbours alone decide; None = ``FOLDS``, or 0 where a training takes its encoder along.

    Raises:
        SeglensError: no run, nothing to audit, or nothing to judge by.
    """

    def __init__(self, run: Path, report: Report, folds: int | None = None) -> None:
        self.run, self.report = run, report
        self.config = load_config(run)
        self.bench, self.files = Workbench(self.config, run), LabelFiles(run)
        self.at = datetime.now(UTC)
        repo = Repository.of_run(run)
        try:
            self.rounds = len(repo.rounds())
            self.parts = list(parts_of(repo.answered()))
        finally:
            repo.close()
        self.ids = sorted({part.region.image for part in self.parts})
        if len(self.ids) < 2:
            raise SeglensError(
                f"{run}: an audit compares answers that name classes in 2 images or more, found {len(self.ids)}"
            )
        wanted = (FOLDS if self.bench.interactive else 0) if folds is None else folds
        if wanted == 1:
            raise SeglensError("--folds: found 1; allowed: 2 or more, or 0 for none")
        self.folds = min(wanted, len(self.ids))
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        if self.bench.cache is not None:
            self.bench.cache.fill(self.ids, lambda d, t: report("caching features", d, t))

    def audit(self) -> Audit:
        """What speaks against each answer."""
        predictions: dict[ImageId, ByteArray] = {}

        def noted() -> Iterator[tuple[ImageId, FloatArray]]:
            for id, maps in self.probabilities():
                predictions[id] = maps.argmax(0).astype(np.uint8)
                yield id, maps

        probs = self.means(noted())
        found = doubts(probs, self.features(), self.said, self.images, trust=float(self.folds > 0))
        order = np.argsort(-found.suspicion, kind="stable")
        return Audit(self.parts, found, order, predictions, self.folds, self.at)

    def means(self, probabilities: Iterable[tuple[ImageId, FloatArray]]) -> FloatArray:
        """(R, C) mean probability of each class over each answer's pixels."""
        probs = np.zeros((len(self.parts), len(self.bench.data.classes)))
        for id, maps in probabilities:
            for position in self.of_image[id]:
                probs[position] = maps.reshape(len(maps), -1)[:, self.places[position]].mean(1, dtype=np.float64)
        return probs

    @cached_property
    def images(self) -> IntArray:
        """(R,) number of each answer's image."""
        number = {id: n for n, id in enumerate(self.ids)}
        return np.array([number[part.region.image] for part in self.parts])

    @cached_property
    def said(self) -> BoolArray:
        """(R, C) the classes that each answer names."""
        named = np.zeros((len(self.parts), len(self.bench.data.classes)), bool)
        for position, part in enumerate(self.parts):
            named[position, list(part.classes)] = True
        return named

    @cached_property
    def places(self) -> list[IntArray]:
        """Pixels of each answer, of maps at the model's size."""
        return [places(part.region, self.config.model.size) for part in self.parts]

    @cached_property
    def of_image(self) -> dict[ImageId, list[int]]:
        """Positions of each image's answers."""
        found: dict[ImageId, list[int]] = {id: [] for id in self.ids}
        for position, part in enumerate(self.parts):
            found[part.region.image].append(position)
        return found

    def probabilities(self) -> Iterator[tuple[ImageId, FloatArray]]:
        """(C, h, w) float32 of each image, by a model that did not learn from it where there are folds."""
        for ids, net in self._nets():
            for chunk in self.bench.chunks(ids):
                ev = self.bench.evidence(chunk.images, 0, Stage.EVALUATE, frozenset({"probs"}), net)
                yield from zip(chunk.images, ev.probs.cpu().numpy(), strict=True)

    def _nets(self) -> Iterator[tuple[list[ImageId], SegNet]]:
        if not self.folds:
            net = self.bench.net(self.rounds)
            if net is None:
                raise SeglensError(f"{self.run}: no trained model in it yet; --folds {FOLDS} trains its own")
            yield self.ids, net
            return
        order = self.bench.chance.child("audit").numpy().permutation(len(self.ids))
        for fold in range(self.folds):
            ids = [self.ids[place] for place in sorted(order[fold :: self.folds])]
            yield ids, self._fitted(fold, set(ids))

    def _fitted(self, fold: int, left_out: set[ImageId]) -> SegNet:
        """A network of the run's recipe, without companions, that learnt from the other images."""
        learnt = [id for id in self.files.ids() if id not in left_out]
        if not learnt:
            raise SeglensError(f"{self.run}: the labels of too few images are settled to leave some out; use --folds 0")
        source = TrainSource(self.bench.data, learnt, self.files.read, self.bench.cache, self.bench.pool)
        what = f"training without part {fold + 1} of {self.folds}"
        chance = self.bench.chance.child("audit", fold)
        models = train(
            self.bench.fresh_net(0), source, self.config.train, chance, progress=lambda d, t: self.report(what, d, t)
        )
        best = models.best
        assert isinstance(best, SegNet)
        return best.eval()

    def features(self) -> FloatArray:
        """(R, D) of each answer's region, of the encoder as it was before any training here."""
        net = self.bench.untrained(0)
        size = self.config.model.size
        found: dict[str, list[FloatArray]] = {tap: [np.zeros(0)] * len(self.parts) for tap in net.taps}
        for chunk in self.bench.chunks(self.ids):
            ev = self.bench.evidence(chunk.images, 0, Stage.EVALUATE, frozenset({"features"}), net)
            for tap in net.taps:
                for id, features in zip(chunk.images, ev.features(tap).float(), strict=True):
                    maps: Tensor = enlarged(features, size).flatten(1).cpu()
                    for position in self.of_image[id]:
                        found[tap][position] = maps[:, torch.from_numpy(self.places[position])].mean(1).numpy()
        return joined([np.stack(rows).astype(np.float64) for rows in found.values()])
