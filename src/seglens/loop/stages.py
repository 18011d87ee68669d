"""What each stage of a round does. Each is idempotent: it writes files, then returns what the machine commits."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from seglens.acquisition.settle.paint import paint
from seglens.files import read_arrays, write_bytes
from seglens.functional.run_lengths import decode
from seglens.loop import audit_set
from seglens.loop.asking import Predictions, make_queries, maps_path
from seglens.loop.budget import allowance, charged
from seglens.loop.choosing import Choosing
from seglens.loop.devices import ALONE, TRAINING, Crew, train_round
from seglens.loop.nearness import in_turn
from seglens.loop.queries import query_metrics, spread_metrics
from seglens.loop.scoring import REGIONS, ScoreChunks, image_scores, score_pool
from seglens.loop.simulated import simulated_metrics
from seglens.loop.workbench import LEARNT, MODEL, Report, Workbench, device
from seglens.models import SegNet, load_checkpoint, save_checkpoint, save_member
from seglens.models.views import VIEWS
from seglens.protocols import AskContext, Evidence, Learner
from seglens.store import LabelFiles, Metric, Repository
from seglens.store.pool import Pool
from seglens.training import Metrics, evaluate
from seglens.types import (
    IGNORE,
    Answered,
    AnsweredImage,
    AnswerStatus,
    Chunk,
    Cost,
    FloatArray,
    ImageId,
    ImageRows,
    Provenance,
    Query,
    Region,
    Seen,
    Stage,
)

GATE = "gate.json"
"""Images by falling DICE, as a round's gate judged them."""
BY_PEOPLE = frozenset({Provenance.PERSON, Provenance.SIMULATED})
NEVER_ASK_AGAIN = frozenset(AnswerStatus) - {AnswerStatus.EXPIRED}


class Stages:
    """The work of one round.

    Args:
        bench: the run's parts.
        repo: its store, for reading; what a stage wants written it returns.
        report: told of progress.
        crew: the processes that train.
    """

    def __init__(self, bench: Workbench, repo: Repository, report: Report, crew: Crew = ALONE) -> None:
        self.bench = bench
        self.crew = crew
        self.repo = repo
        self.report = report
        self.files = LabelFiles(bench.run)
        self.pool = Pool(repo)

    # -- narrow, score, pick ----------------------------------------------------------------------------------------
    def narrow(self, round: int) -> list[ImageId]:
        """The images worth a look, in pool order; written to the round's folder."""
        ids = list(self.bench.pool)
        if self.bench.narrows:
            asked = self.scoring(round).asked
            ids = [id for id in ids if not self._whole(id, asked.get(id, ()))]
        labelled = {pair.query.image for pair in self.repo.answered()}
        for step, part in enumerate(self.bench.narrows):
            net = self.bench.net(round)
            if net is None and part.needs:
                continue  # a part that asks the model has nothing to say before there is one
            rows = self._image_rows(part, ids, round)
            before = tuple(id for id in self.bench.pool if id in labelled)
            known = self._image_rows(part, before, round) if part.reads_labelled else ImageRows(before)
            chosen = set(part.choose(rows, known, self.bench.chance.child(round, Stage.NARROW.value, step)))
            ids = [id for id in ids if id in chosen]
        write_bytes(self.bench.folder(round) / "narrow.json", json.dumps(ids).encode())
        return ids

    def _whole(self, id: ImageId, regions: Sequence[Region]) -> bool:
        """Whether nothing of an image is left to ask about."""
        height, width = self.bench.data.item(id).size
        if sum(region.pixels for region in regions) < height * width:
            return False
        done = np.zeros((height, width), bool)
        for region in regions:
            done |= decode(region.runs, region.size)
        return bool(done.all())

    def _image_rows(self, part: Any, ids: Sequence[ImageId], round: int) -> ImageRows:
        net = self.bench.net(round) if part.needs else None
        kept: list[FloatArray] = []
        for chunk in self.bench.chunks(ids):
            ev = self.bench.evidence(chunk.images, round, Stage.NARROW, part.needs, net)
            kept.append(np.asarray(part.reduce(ev)))
        return ImageRows(tuple(ids), {"reduced": np.concatenate(kept)} if kept else {})

    def chunks(self, round: int) -> list[Chunk]:
        """The fixed chunks of the round's images."""
        return self.bench.chunks(json.loads((self.bench.folder(round) / "narrow.json").read_text()))

    def scoring(self, round: int) -> ScoreChunks:
        """What the round's workers are given."""
        asked: dict[ImageId, list[Region]] = {}
        for pair in self.repo.answered():
            if pair.query.round < round and pair.answer.status in NEVER_ASK_AGAIN:
                asked.setdefault(pair.query.image, []).append(pair.query.region)
        for query in self.repo.open_queries():
            if query.round < round:
                asked.setdefault(query.image, []).append(query.region)
        return ScoreChunks(self.bench, round, asked)

    def score(self, round: int) -> dict[str, Any]:
        """Rows of every chunk, on disk; returns what the score learnt, where it is one that learns."""
        learnt = self._learn(round)
        chunks = self.chunks(round)
        score_pool(self.scoring(round), chunks, lambda d, t: self.report("scoring", d, t))
        return learnt

    def keep_scores(self, round: int) -> None:
        """Store the score of each image that the round has scored."""
        self.pool.set_scores(image_scores(self.bench, round, self.chunks(round)))

    def _learn(self, round: int) -> dict[str, Any]:
        if not isinstance(self.bench.score, Learner) or self.bench.model(round) is None:
            return {}
        path = self.bench.folder(round) / LEARNT
        if not path.exists():
            learnt = self.bench.score.learn(self._seen(round))
            write_bytes(path, json.dumps(learnt, sort_keys=True).encode())
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def _seen(self, round: int) -> Iterator[Seen]:
        """Each image asked about before ``round``, with its maps of then and where people's answers proved it wrong.

        A prediction is judged only by the answers that it led to, as they were given.
        """
        asked: dict[tuple[int, ImageId], list[Answered]] = {}
        for pair in self.repo.answered():
            if pair.query.round < round and pair.answer.provenance in BY_PEOPLE:
                asked.setdefault((pair.query.round, pair.query.image), []).append(pair)
        for (then, image), answers in sorted(asked.items()):
            path = maps_path(self.bench, then, image)
            if not path.exists():
                continue
            maps = read_arrays(path)
            prediction = maps.pop("prediction")
            truth = paint(AnsweredImage(image, self.bench.data.item(image).size, answers)).label
            small = VIEWS["plain"].label(torch.from_numpy(truth), self.bench.config.model.size).numpy()
            wrong = np.where(small == IGNORE, -1, small != prediction).astype(np.int8)
            yield Seen(image, {name: value.astype(np.float32) for name, value in maps.items()}, wrong)

    def pick(self, round: int) -> tuple[list[Query], bool]:
        """The round's questions in the order asked, with their reasons, their maps on disk; whether any was left."""
        self.score(round)  # nothing to do, unless rows were deleted
        chunks = self.chunks(round)
        budget = next(r.allowance for r in self.repo.rounds() if r.number == round)
        asked = [query for query in self.repo.queries() if query.round < round]
        answered = [pair for pair in self.repo.answered() if pair.query.round < round]
        choosing = Choosing(self.bench, round, chunks, budget, asked, answered)
        share = choosing.share if self.bench.cut.partition else None  # other rows do not cover the pool
        queries = make_queries(self.bench, self.scoring(round), choosing.rows(), share)
        if self.bench.by_people:
            queries = in_turn(queries)
        # of a part of the pool only its own images are seen to be asked about; another round looks at others
        return queries, choosing.left or (bool(self.bench.narrows) and bool(chunks))

    def allowance(self, round: int) -> float:
        """What the round may spend, in the budget's unit."""
        budget, paid = self.bench.config.budget, self.spent(round - 1)
        return allowance(budget, round, self._planned(round - 1) if self.bench.by_people else paid, paid)

    def _planned(self, through: int) -> float:
        """What the questions up to and with a round were expected to cost, so that each round is a full one."""
        asked = [query.estimate for query in self.repo.queries() if query.round <= through]
        budget = self.bench.config.budget
        return charged(sum(asked, start=Cost(0.0, 0.0, 0.0)), len(asked), budget.unit, self.bench.unit_pixels)

    def spent(self, through: int) -> float:
        """What was paid up to and with a round, and is reserved for its open questions, in the budget's unit."""
        cost = self.repo.spent(through)
        for query in self.repo.open_queries():
            if query.round <= through:
                cost = cost + query.estimate
        asked = sum(query.round <= through for query in self.repo.queries())
        return charged(cost, asked, self.bench.config.budget.unit, self.bench.unit_pixels)

    # -- ask, await, settle -----------------------------------------------------------------------------------------
    def ask(self, round: int) -> None:
        """Hand every open question to the oracle; submitting again changes nothing."""
        net = self.bench.net(round)

        def evidence(ids: Sequence[ImageId]) -> Evidence:
            return self.bench.evidence(ids, round, Stage.ASK, self.bench.oracle.needs, net)

        chance = self.bench.chance.child(Stage.ASK.value)  # of no round: a query is open until it is answered
        context = AskContext(self.bench.data.classes, self.bench.labels, evidence if net else None, chance)
        self.bench.oracle.submit(self.repo.open_queries(purpose=None), context)

    def settle(self, round: int) -> list[str]:
        """The complete label set from every answer, with the latest model, on disk; returns the answers held back."""
        by_image: dict[ImageId, list[Answered]] = {}
        for pair in self.repo.answered():
            by_image.setdefault(pair.query.image, []).append(pair)
        net = self.bench.net(round)
        needs = self.bench.settle.needs
        held: list[str] = []
        judged: list[dict[str, Any]] = []
        done = 0
        kept: set[ImageId] = set()
        for chunk in self.bench.chunks([id for id in self.bench.pool if id in by_image]):
            batch = [self._answered_image(id, by_image[id]) for id in chunk.images]
            ev = self.bench.evidence(chunk.images, round, Stage.SETTLE, needs, net) if net is not None else None
            for image, settled in zip(batch, self.bench.settle.settle(batch, ev), strict=True):
                held.extend(settled.held)
                if settled.dice is not None:
                    judged.append({"image": image.image, "dice": settled.dice, "held": bool(settled.held)})
                if (settled.provenance > 0).any():
                    self.files.write(image.image, settled)
                    kept.add(image.image)
            done += len(batch)
            self.report("settling labels", done, len(by_image))
        self.files.keep_only(kept)
        if judged:
            judged.sort(key=lambda found: (-found["dice"], found["image"]))
            write_bytes(self.bench.folder(round) / GATE, json.dumps(judged).encode())
        return held

    def _answered_image(self, id: ImageId, answers: Sequence[Answered]) -> AnsweredImage:
        paths = {a.query.round: maps_path(self.bench, a.query.round, id) for a in answers}
        at_ask = Predictions({round: path for round, path in paths.items() if path.exists()})
        return AnsweredImage(id, self.bench.data.item(id).size, answers, at_ask)

    # -- train, evaluate --------------------------------------------------------------------------------------------
    def train(self, round: int) -> None:
        """The round's model, on disk."""
        folder = self.bench.folder(round)
        shutil.rmtree(folder / REGIONS, ignore_errors=True)  # picked from long ago
        if (folder / MODEL).exists():
            return
        if not self.files.ids():
            return  # every answer so far was void, unsure or skipped: the next round asks again
        self.crew.call(round)
        models = train_round(self.bench, round, self.crew.fabric, lambda d, t: self.report("training", d, t))
        for name, member in models.members.items():
            save_member(member, folder / f"{name}.pt")
        save_checkpoint(cast(SegNet, models.best), folder / MODEL)  # last: with it the stage is done
        (folder / TRAINING).unlink(missing_ok=True)

    def evaluate(self, round: int) -> list[Metric]:
        """Costs so far, what a simulation can tell of the labels, the model's figures on the evaluation's images."""
        cost = self.repo.spent(round)
        figures = {"clicks": cost.clicks, "pixels": cost.pixels, "pixel_share": cost.pixels / self.pool.pixels()}
        figures |= {"person_seconds": cost.seconds, "images_asked": len(self._asked_images(round))}
        metrics = [Metric(round, name, "", -1, float(value)) for name, value in figures.items()]
        if self.bench.labels is not None:
            metrics += simulated_metrics(round, self.files, self.bench.labels, self.bench.pool_counts)
        metrics += self._query_metrics(round)
        if self.bench.audit_set:
            metrics += audit_set.costs(self.repo, round) + self.audit(range(round + 1))
        model = self.bench.model(round + 1)
        if self.bench.eval_data is None or model is None:
            return metrics
        for result in evaluate(
            load_checkpoint(model).to(device()),
            self.bench.eval_data,
            self.bench.eval_labels,
            list(self.bench.eval_data.ids),
            size=self.bench.config.model.size,
            cache=self.bench.eval_cache,
            batch=self.bench.config.chunk,
            progress=lambda d, t: self.report("evaluating", d, t),
        ):
            metrics += _metrics_of(round, result)
        return metrics

    def audit(self, rounds: Sequence[int]) -> list[Metric]:
        """What the audit set says of the models of ``rounds`` that is not stored already; none without an audit set."""
        return audit_set.measure(self.bench, self.repo, rounds, self.report) if self.bench.audit_set else []

    def _query_metrics(self, round: int) -> list[Metric]:
        by_image: dict[ImageId, list[Answered]] = {}
        for pair in self.repo.answered():
            if pair.query.round == round:
                by_image.setdefault(pair.query.image, []).append(pair)
        images = [self._answered_image(id, answers) for id, answers in by_image.items()]
        asked = Counter(query.image for query in self.repo.queries(round))
        spread = spread_metrics(round, [asked[id] for id in self.bench.pool])
        return spread + query_metrics(round, images, self.bench.labels, len(self.bench.data.classes))

    def _asked_images(self, round: int) -> set[ImageId]:
        return {query.image for query in self.repo.queries() if query.round <= round}


def _metrics_of(round: int, result: Metrics) -> list[Metric]:
    """The whole's figures at class -1, then those by class; only native truth has the finer ones."""
    whole: dict[str, float] = {"miou": result.miou}
    by_class: dict[str, FloatArray] = {"iou": result.iou, "dice": result.dice}
    if result.boundary is not None and result.ece is not None and result.overconfidence is not None:
        known = result.boundary[np.isfinite(result.boundary)]
        whole |= {"boundary_iou": float(known.mean()) if len(known) else float("nan")}
        whole |= {"rare_miou": result.rare_miou, "ece": result.ece, "overconfidence": result.overconfidence}
        by_class |= {"boundary_iou": result.boundary, "truth_share": result.truth_share}
    found = [(name, -1, value) for name, value in whole.items()]
    found += [(name, index, float(value)) for name, values in by_class.items() for index, value in enumerate(values)]
    return [Metric(round, name, result.truth, c, None if np.isnan(value) else value) for name, c, value in found]


def model_path(run: Path, round: int) -> Path:
    """Where a round's model is."""
    return run / "rounds" / f"{round:03d}" / MODEL
