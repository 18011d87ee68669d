"""Two rows against each other: paired by seed, at equal cost, over the costs that both reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seglens.bench.compare import Curve, Difference, Interval, Spread, curve, interval, paired, spread
from seglens.bench.figures import RunFigures
from seglens.bench.significance import paired_p
from seglens.bench.sources import Source
from seglens.types import SeglensError


@dataclass(frozen=True)
class Axis:
    """A cost to compare at: the figure it is read from, and how it is scaled."""

    key: str
    scale: float


AXES = {"clicks": Axis("clicks", 1.0), "pixels": Axis("pixel_share", 100.0)}
"""Clicks, and the share of pixels labelled in %."""


@dataclass(frozen=True)
class Versus:
    """One row less another on one axis; mIoU from 0 to 1.

    ``by_seed`` has the seeds that both rows have, None = no overlap; ``found`` is the interval of the means over the
    common range, ``p`` that of a two-sided paired t-test of them; ``end`` is the difference at the end of that range,
    ``classes`` the same of each class's IoU (None = never measured in both).
    """

    by_seed: Mapping[int, Difference | None]
    found: Interval | None
    p: float | None
    end: Spread | None
    classes: tuple[Interval | None, ...]

    @property
    def known(self) -> list[Difference]:
        """The differences of the seeds whose curves overlap."""
        return [found for found in self.by_seed.values() if found is not None]

    def plain(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self) | {"seeds_compared": len(self.known), "seeds_paired": len(self.by_seed)}


def pair_up(one: Source, other: Source) -> list[tuple[str, str]]:
    """Which row of the one is compared with which of the other: the only ones, or those of the same name.

    Raises:
        SeglensError: measured on other images, or no row in common.
    """
    if (one.classes, one.eval_images) != (other.classes, other.eval_images):
        raise SeglensError(
            f"{one.name} and {other.name}: measured on other images or classes ({one.eval_images} and "
            f"{other.eval_images} images, {len(one.classes)} and {len(other.classes)} classes): not comparable"
        )
    if len(one.rows) == len(other.rows) == 1:
        return [(next(iter(one.rows)), next(iter(other.rows)))]
    both = [(row, row) for row in one.rows if row in other.rows]
    if not both:
        raise SeglensError(
            f"{one.name} and {other.name}: no row of the same name; name two, FILE:row. Rows: "
            f"{', '.join(one.rows)}; and {', '.join(other.rows)}"
        )
    return both


def versus(one: Sequence[RunFigures], other: Sequence[RunFigures], axis: Axis, classes: int) -> Versus:
    """``one`` less ``other``.

    Args:
        one: runs of a row.
        other: runs of another.
        axis: the cost.
        classes: number of classes.

    Raises:
        SeglensError: no seed in common.
    """
    by_seed = paired(_curves(one, axis), _curves(other, axis))
    if not by_seed:
        raise SeglensError(f"no seed in common: {[run.seed for run in one]} and {[run.seed for run in other]}")
    known = [found for found in by_seed.values() if found is not None]
    means = [found.mean for found in known]
    by_class = [paired(_curves(one, axis, c), _curves(other, axis, c)) for c in range(classes)]
    ends = tuple(interval([d.end for d in of_class.values() if d is not None]) for of_class in by_class)
    return Versus(by_seed, interval(means), paired_p(means), spread([found.end for found in known]), ends)


def _curves(runs: Sequence[RunFigures], axis: Axis, class_index: int | None = None) -> dict[int, Curve]:
    """mIoU, or the IoU of a class, over a cost, by seed."""
    return {
        run.seed: curve(
            [axis.scale * getattr(r, axis.key) for r in run.rounds],
            [r.miou if class_index is None else r.iou[class_index] if r.iou else None for r in run.rounds],
        )
        for run in runs
    }
