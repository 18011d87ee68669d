"""The figures of a finished run, as its database holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seglens.loop import load_config
from seglens.store import Repository

SPENT = ("clicks", "pixels", "pixel_share", "person_seconds")
STAMP = "commit.txt"
"""File in a run's folder: the commit it was made with."""


@dataclass(frozen=True)
class RoundFigures:
    """One round: costs so far, quality after training on it.

    ``iou`` is by class, None for a class that is nowhere; ``seconds`` is machine time by stage. ``miou`` is against
    native truth; both are None where nothing could be trained yet. ``more`` holds what else was measured of the whole
    round, by its name in the store.
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
    """One run; ``threads`` are the torch threads it was made with: several numbers where it was resumed with others."""

    seed: int
    config: str
    commit: str | None
    model_size: tuple[int, int]
    rounds: tuple[RoundFigures, ...]
    bands: BandFigures | None = None
    threads: tuple[int, ...] = ()

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
    rounds = tuple(_round(number, metrics, seconds[number]) for number in done)
    stamp = (folder / STAMP).read_text().strip() if (folder / STAMP).exists() else ""
    return RunFigures(config.seed, config.digest(), stamp or None, config.model.size, rounds, bands, threads)


def _round(
    number: int, metrics: Mapping[tuple[int, str, str, int], float | None], seconds: Mapping[str, float]
) -> RoundFigures:
    whole = {name: value for (r, name, truth, c), value in metrics.items() if (r, truth, c) == (number, "", -1)}
    classes = sorted(c for r, name, truth, c in metrics if (r, name, truth) == (number, "iou", "native"))
    return RoundFigures(
        **{name: whole[name] or 0.0 for name in SPENT},
        miou=metrics.get((number, "miou", "native", -1)),
        miou_at_model_size=metrics.get((number, "miou", "model", -1)),
        iou=tuple(metrics[number, "iou", "native", c] for c in classes),
        seconds=dict(seconds),
        more={name: value for name, value in whole.items() if name not in SPENT},
    )
