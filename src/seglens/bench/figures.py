"""The figures of a finished run, as its database holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from seglens.config import RunConfig
from seglens.loop import load_config
from seglens.oracles.cost import Seconds
from seglens.store import Repository
from seglens.types import AnswerKind

SPENT = ("clicks", "pixels", "pixel_share", "person_seconds")
DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)
"""Answers drawn as polygons: they label the pixels of a region one by one."""
STAMP = "commit.txt"
"""File in a run's folder: the commit it was made with."""
Stored: TypeAlias = Mapping[tuple[int, str, str, int], float | None]
"""Figures of the store by round, name, truth and class."""


@dataclass(frozen=True)
class RoundFigures:
    """One round: costs so far, quality after training on it.

    ``iou`` is by class, None for a class that is nowhere; ``seconds`` is machine time by stage. ``miou`` is against
    native truth; both are None where nothing could be trained yet. ``more`` holds what else was measured of the whole
    round, by its name in the store. ``asked`` and ``answered`` are the shares of the round's asked pixels by the class
    that the model saw there, and by the class of the answers; empty where nothing tells. ``vertices`` of the clicks are
    corners of drawn polygons, so far; None where seconds and prices do not tell.
    """

    clicks: float
    pixels: float
    pixel_share: float
    person_seconds: float
    miou: float | None
    miou_at_model_size: float | None
    iou: tuple[float | None, ...]
    seconds: Mapping[str, float]
    more: Mapping[str, float | None] = field(default_factory=dict)
    asked: tuple[float | None, ...] = ()
    answered: tuple[float | None, ...] = ()
    vertices: float | None = 0.0


@dataclass(frozen=True)
class BandFigures:
    """The last model by depth: mIoU of each band, near to far, over ``classes`` classes; ``edges`` in proximity."""

    depth: str
    names: tuple[str, ...]
    miou: tuple[float | None, ...]
    edges: tuple[float, ...]
    classes: int


@dataclass(frozen=True)
class RunFigures:
    """One run.

    ``answer`` is the kind of its answers; ``truth_share`` the share of the evaluation's truth that each class has, of
    the last round that was measured; ``threads`` the torch threads it was made with: several
    numbers where it was resumed with others; ``preset`` what its row started from.
    """

    seed: int
    config: str
    commit: str | None
    model_size: tuple[int, int]
    rounds: tuple[RoundFigures, ...]
    bands: BandFigures | None = None
    threads: tuple[int, ...] = ()
    answer: str = ""
    truth_share: tuple[float | None, ...] = ()
    preset: str = ""

    @property
    def dense(self) -> bool:
        """Whether its answers are drawn, pixel by pixel."""
        return self.answer in DRAWN

    @property
    def last(self) -> RoundFigures:
        """The last round."""
        return self.rounds[-1]

    def plain(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)


def read_figures(folder: Path, bands: BandFigures | None = None) -> RunFigures:
    """The figures of the run in ``folder``; rounds that are not done are left out."""
    config = load_config(folder)
    repo = Repository.of_run(folder)
    try:
        done = [r.number for r in repo.rounds() if r.stage is None]
        metrics = {(m.round, m.name, m.truth, m.class_index): m.value for m in repo.metrics()}
        seconds: dict[int, dict[str, float]] = {number: {} for number in done}
        threads = tuple(sorted({event.data["threads"] for event in repo.events("started")}))
        for event in repo.events("stage"):
            if event.round in seconds and event.stage is not None:
                of_round = seconds[event.round]
                of_round[event.stage] = of_round.get(event.stage, 0.0) + event.data["seconds"]
    finally:
        repo.close()
    vertices = partial(_vertices, config=config)
    rounds = tuple(_round(number, metrics, seconds[number], vertices) for number in done)
    stamp = (folder / STAMP).read_text().strip() if (folder / STAMP).exists() else ""
    known = (_by_class(number, "truth_share", "native", metrics) for number in reversed(done))
    return RunFigures(
        config.seed,
        config.digest(),
        stamp or None,
        config.model.size,
        rounds,
        bands,
        threads=threads,
        answer=config.answer.value,
        truth_share=next((shares for shares in known if shares), ()),
        preset=config.preset,
    )


def _round(
    number: int, metrics: Stored, seconds: Mapping[str, float], vertices: Callable[[float, float], float | None]
) -> RoundFigures:
    whole = {(truth, name): value for (r, name, truth, c), value in metrics.items() if (r, c) == (number, -1)}
    spent = {name: whole["", name] or 0.0 for name in SPENT}
    named = (*SPENT, "miou")
    return RoundFigures(
        **spent,
        miou=whole.get(("native", "miou")),
        miou_at_model_size=whole.get(("model", "miou")),
        iou=_by_class(number, "iou", "native", metrics),
        seconds=dict(seconds),
        more={name: value for (truth, name), value in whole.items() if truth != "model" and name not in named},
        asked=_by_class(number, "asked_share", "", metrics),
        answered=_by_class(number, "answered_share", "", metrics),
        vertices=vertices(spent["clicks"], spent["person_seconds"]),
    )


def _by_class(number: int, name: str, truth: str, metrics: Stored) -> tuple[float | None, ...]:
    """The figures of each class, in order; empty where there are none."""
    classes = sorted(c for r, n, t, c in metrics if (r, n, t) == (number, name, truth) and c >= 0)
    return tuple(metrics[number, name, truth, c] for c in classes)


def _vertices(clicks: float, seconds: float, config: RunConfig) -> float | None:
    """How many clicks of drawn answers are vertices: what their seconds tell, by the run's own prices.

    Drawing has two prices: of a vertex, and of a segment's class; a void answer, a click, counts as a class.
    """
    prices = Seconds.model_validate(config.ask.params().get("seconds", {}))
    if config.answer not in DRAWN:
        return 0.0
    if prices.choice == prices.vertex:
        return None
    return min(max((prices.choice * clicks - seconds) / (prices.choice - prices.vertex), 0.0), clicks)
