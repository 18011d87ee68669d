"""What the report reads of a run, and nothing it could change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seglens import data
from seglens.config import RunConfig, read_yaml, resolve
from seglens.files import encode_id, read_arrays
from seglens.store import LabelFiles, Metric, Repository
from seglens.store.repository import Event, Round
from seglens.types import (
    Answer,
    ByteArray,
    ClassTable,
    Cost,
    FloatArray,
    ImageId,
    IntArray,
    Provenance,
    Purpose,
    Query,
    Stage,
)

TRUTH = "native"
"""Headline figures are measured on truth of its own size."""

Maps = tuple[ByteArray, FloatArray]
"""(h, w) prediction and (h, w) score at the time of asking, at the model's size."""


@dataclass(frozen=True)
class OnAuditSet:
    """A round's mIoU on the labelled images of the audit set, with its 95 % interval."""

    miou: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class RoundView:
    """What is known after a round: costs are cumulative, ``stage`` is the one to do next (None = done).

    ``share`` is answered non-void pixels over the pool's. ``miou`` and ``iou`` are those on the evaluation images; of a
    run without any, those on the audit set.
    """

    number: int
    stage: Stage | None
    miou: float | None
    iou: tuple[float | None, ...]
    clicks: float
    pixels: float
    seconds: float
    share: float
    durations: Mapping[str, float] = field(default_factory=dict)
    audit: OnAuditSet | None = None


@dataclass(frozen=True)
class AuditSet:
    """The audit set: its images, how many are labelled, and what that has cost beside the budget."""

    images: int
    labelled: int
    cost: Cost


@dataclass(frozen=True)
class Asked:
    """A question with its answer, if there is one."""

    query: Query
    answer: Answer | None


@dataclass(frozen=True)
class LabelCounts:
    """What the label files hold: pixels by class (C,), pixels by provenance, images."""

    by_class: IntArray
    by_provenance: Mapping[Provenance, int]
    images: int


@dataclass(frozen=True)
class RunView:
    """A run, as far as it got."""

    folder: Path
    config: RunConfig
    classes: ClassTable
    pool_images: int
    pool_pixels: int
    rounds: tuple[RoundView, ...]
    asked: tuple[Asked, ...]
    labels: LabelCounts
    facts: Mapping[str, str]
    image: Callable[[ImageId], ByteArray]
    same_images: bool = True
    audit_set: AuditSet | None = None

    @property
    def name(self) -> str:
        """What to call the run: its folder."""
        return self.folder.resolve().name

    @property
    def measured(self) -> tuple[RoundView, ...]:
        """The rounds that have been evaluated."""
        return tuple(r for r in self.rounds if r.miou is not None)

    def of_round(self, number: int) -> list[Asked]:
        """The questions of a round, best first."""
        return [a for a in self.asked if a.query.round == number]

    def maps(self, query: Query) -> Maps | None:
        """What the model thought of the query's image when it was asked; None without a model."""
        path = self.folder / "rounds" / f"{query.round:03d}" / "maps" / f"{encode_id(query.image)}.npz"
        if not path.exists():
            return None
        arrays = read_arrays(path)
        return arrays["prediction"], arrays["score"]

    @classmethod
    def load(cls, run: Path) -> RunView:
        """The view of a run's folder.

        Raises:
            SeglensError: no run there, or its config or data cannot be read.
        """
        repository = Repository.of_run(run)
        try:
            config = resolve(read_yaml(run / "config.yaml"), {}, str(run / "config.yaml"))
            pool = data.open_data(config.data, config.cache)
            sizes = {id: pool.item(id).size for id in pool.ids}
            pixels = sum(h * w for h, w in sizes.values())
            return cls(
                folder=run,
                config=config,
                classes=pool.classes,
                pool_images=len(sizes) - config.audit_set.images,
                pool_pixels=pixels,
                rounds=tuple(read_rounds(repository, len(pool.classes), pixels)),
                asked=tuple(read_asked(repository)),
                labels=count_labels(LabelFiles(run), len(pool.classes)),
                facts=read_facts(repository),
                image=pool.image,
                audit_set=read_audit_set(repository, config),
                same_images=repository.meta("images") in {None, pool.fingerprint()},
            )
        finally:
            repository.close()


def read_rounds(repository: Repository, classes: int, pool_pixels: int) -> list[RoundView]:
    """Every round begun."""
    metrics, events = repository.metrics(), repository.events()
    return [_round(repository, r, metrics, events, classes, pool_pixels) for r in repository.rounds()]


def _round(
    repository: Repository, stored: Round, metrics: list[Metric], events: list[Event], classes: int, pool_pixels: int
) -> RoundView:
    own = [m for m in metrics if m.round == stored.number]
    figures = {(m.name, m.class_index): m.value for m in own if m.truth in {"", TRUTH}}
    spent = repository.spent(stored.number)
    audit = _on_audit_set(figures)
    prefix = "" if audit is None or ("miou", -1) in figures else "audit_"
    return RoundView(
        number=stored.number,
        stage=stored.stage,
        miou=figures.get((f"{prefix}miou", -1)),
        iou=tuple(figures.get((f"{prefix}iou", c)) for c in range(classes)),
        clicks=spent.clicks,
        pixels=spent.pixels,
        seconds=spent.seconds,
        share=figures.get(("pixel_share", -1)) or (spent.pixels / pool_pixels if pool_pixels else 0.0),
        durations=_durations(events, stored.number),
        audit=audit,
    )


def _on_audit_set(figures: Mapping[tuple[str, int], float | None]) -> OnAuditSet | None:
    names = ("audit_miou", "audit_miou_low", "audit_miou_high", "audit_images")
    miou, low, high, images = (figures.get((name, -1)) for name in names)
    if miou is None or low is None or high is None or images is None:
        return None
    return OnAuditSet(miou, low, high, int(images))


def read_audit_set(repository: Repository, config: RunConfig) -> AuditSet | None:
    """What is known of the audit set; None where there is none."""
    if not config.audit_set.images:
        return None
    asked, waiting = repository.queries(purpose=Purpose.AUDIT), repository.open_queries(Purpose.AUDIT)
    return AuditSet(config.audit_set.images, len(asked) - len(waiting), repository.spent(purpose=Purpose.AUDIT))


def _durations(events: list[Event], number: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for event in events:
        if event.round == number and event.stage and "seconds" in event.data:
            found[event.stage] = found.get(event.stage, 0.0) + float(event.data["seconds"])
    return found


def read_asked(repository: Repository) -> list[Asked]:
    """Every question in the order asked, with the first answer to it."""
    answers: dict[str, Answer] = {}
    for pair in repository.answered():
        answers.setdefault(pair.query.id, pair.answer)
    return [Asked(query, answers.get(query.id)) for query in repository.queries()]


def count_labels(files: LabelFiles, classes: int) -> LabelCounts:
    """Pixels by class and by provenance over all label files."""
    by_class, by_provenance = np.zeros(256, np.int64), np.zeros(256, np.int64)
    ids = files.ids()
    for id in ids:
        settled = files.read(id)
        by_class += np.bincount(settled.label.ravel(), minlength=256)
        by_provenance += np.bincount(settled.provenance.ravel(), minlength=256)
    counts: dict[Provenance, int] = {
        p: int(by_provenance[p]) for p in Provenance if p is not Provenance.NONE and by_provenance[p]
    }
    return LabelCounts(by_class[:classes], counts, len(ids))


def read_facts(repository: Repository) -> dict[str, str]:
    """What the run noted about itself: how it stands, the data's digest, and where it last ran (event ``started``)."""
    kept = {"state": "state", "why": "why it stopped", "data": "data digest"}
    facts = {name: value for key, name in kept.items() if (value := repository.meta(key))}
    for event in repository.events("started"):
        facts.update({str(k): str(v) for k, v in event.data.items() if isinstance(v, (str, int, float))})
    return facts
