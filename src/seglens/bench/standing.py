"""Where each row stands beside the others: area, budgets to be good enough, what is saved, gains with their p."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seglens.bench.area import area, in_logs, saving
from seglens.bench.axes import CLICKS, PIXELS, Cost, curves, mean_curve
from seglens.bench.compare import Curve, difference, first_crossing, is_geometric
from seglens.bench.figures import RunFigures
from seglens.bench.significance import holm, paired_p

REACHES: Mapping[str, tuple[Cost, float]] = {
    "clicks_to_90": (CLICKS, 0.90),
    "clicks_to_95": (CLICKS, 0.95),
    "pixels_to_95": (PIXELS, 0.95),
    "pixel_share_to_95": (Cost("pixel_share", 1.0, "pixels labelled"), 0.95),
}
"""Costs at which a share of full supervision's mIoU is reached."""


@dataclass(frozen=True)
class Standing:
    """One row.

    Args:
        runs: its runs; what is by seed stands in their order.
        aubc: area under the budget curve over clicks, by seed; None = nothing measured.
        gains: area over the reference's at equal clicks, by seed; None = no overlap, or no run of that seed.
        p: of the gains, two-sided paired t-test; None = nothing to compare.
        holm: p among the gains of all rows.
        reached: by name in ``REACHES``, where the mean curve first gets there; None = not reached.
        saving: share of the reference's clicks saved on the way to its last mIoU; None = not reached.
    """

    runs: Sequence[RunFigures]
    aubc: tuple[float | None, ...]
    gains: tuple[float | None, ...]
    p: float | None
    holm: float | None
    reached: Mapping[str, float | None]
    saving: float | None


def standings(
    rows: Mapping[str, Sequence[RunFigures]], reference: str | None, full: float | None
) -> dict[str, Standing]:
    """The standing of each row; the p-values are corrected for all rows that are given.

    Args:
        rows: runs of each row, the reference's among them.
        reference: the row of the gains; None = none.
        full: mIoU of full supervision; None = not known.
    """
    chance = rows.get(reference or "", ())
    logs = on_logs(chance or next(iter(rows.values()), ()))
    gains = {name: area_gains(runs, chance, CLICKS, logs) if name != reference else () for name, runs in rows.items()}
    ps = [paired_p(found) for found in gains.values()]
    corrected = dict(zip(gains, zip(ps, holm(ps), strict=True), strict=True))
    return {
        name: Standing(
            runs,
            tuple(area(_scaled(one, logs)) for one in curves(runs, CLICKS).values()),
            gains[name],
            *corrected[name],
            {key: _reached(runs, cost, share, full) for key, (cost, share) in REACHES.items()},
            saving(mean_curve(runs, CLICKS), mean_curve(chance, CLICKS)) if chance and name != reference else None,
        )
        for name, runs in rows.items()
    }


def on_logs(runs: Sequence[RunFigures], cost: Cost = CLICKS) -> bool:
    """Whether areas are taken over the logarithm of a cost: budgets grow by a common factor."""
    return is_geometric(mean_curve(runs, cost).costs.tolist())


def area_gains(
    runs: Sequence[RunFigures], others: Sequence[RunFigures], cost: Cost, logs: bool
) -> tuple[float | None, ...]:
    """Area of each run's curve less that of the other row with the same seed, over the costs that both reach and by
    their length; None = no overlap, or no such run."""
    mine, theirs = curves(runs, cost), curves(others, cost)
    found = [difference(_scaled(mine[s], logs), _scaled(theirs[s], logs)) if s in theirs else None for s in mine]
    return tuple(gap.mean if gap else None for gap in found)


def _scaled(one: Curve, logs: bool) -> Curve:
    return in_logs(one) if logs else one


def _reached(runs: Sequence[RunFigures], cost: Cost, share: float, full: float | None) -> float | None:
    return None if full is None else first_crossing(mean_curve(runs, cost), share * full)
