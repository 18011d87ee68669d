"""Costs to compare at, and the curves of a row's runs over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglens.bench.compare import Curve, curve
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.plan import AxisName
from seglens.oracles.cost import Seconds


@dataclass(frozen=True)
class Cost:
    """A cost to compare at: the figure it is read from, how it is scaled, and its name."""

    key: str
    scale: float
    label: str

    def of(self, figures: RoundFigures) -> float:
        """What was spent up to and with a round."""
        return self.scale * float(getattr(figures, self.key))


@dataclass(frozen=True)
class Priced(Cost):
    """Person hours where a click takes as long as is stated, and a vertex of a drawn polygon so many seconds."""

    vertex: float = 0.0

    def of(self, figures: RoundFigures) -> float:
        """What was spent up to and with a round; nan where vertices are not known."""
        vertices = float("nan") if figures.vertices is None else figures.vertices
        return self.scale * ((figures.clicks - vertices) * STATED.click + vertices * self.vertex)


COSTS: dict[AxisName, Cost] = {
    "clicks": Cost("clicks", 1.0, "clicks"),
    "pixels": Cost("pixel_share", 100.0, "pixels labelled, %"),
    "seconds": Cost("person_seconds", 1 / 3600, "simulated person hours"),
}
CLICKS = COSTS["clicks"]
PIXELS = Cost("pixels", 1.0, "pixels labelled")
"""Pixels themselves, not their share of the pool."""
STATED = Seconds()
"""What an action takes, as in simulations."""


def priced(vertex: float) -> Priced:
    """The axis on which a vertex takes so many seconds."""
    return Priced("person_seconds", COSTS["seconds"].scale, f"person hours, {vertex:g} s a vertex", vertex)


def curves(runs: Sequence[RunFigures], cost: Cost) -> dict[int, Curve]:
    """mIoU over a cost, by seed."""
    return {run.seed: curve([cost.of(r) for r in run.rounds], [r.miou for r in run.rounds]) for run in runs}


def mean_curve(runs: Sequence[RunFigures], cost: Cost) -> Curve:
    """Mean mIoU over mean cost, of each round that every run has measured."""
    rounds = [at for at in zip(*(run.rounds for run in runs), strict=False) if all(r.miou is not None for r in at)]
    costs = [float(np.mean([cost.of(r) for r in at])) for at in rounds]
    return curve(costs, [float(np.mean([r.miou for r in at if r.miou is not None])) for at in rounds])
