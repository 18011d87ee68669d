"""What the tables are put together from. mIoU and IoU are in points; "±" is the sample deviation over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from seglens.bench.compare import NO_VERDICT, SEEDS_FOR_A_VERDICT, interval, spread
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results
from seglens.bench.table import Cell, Figure, Range

INTERVAL = ("95 % interval", "verdict")
"""Heads of what ``verdict_cells`` gives after the difference."""
VERDICT_NOTE = (
    "The interval is Student's, of the differences of the seeds that both rows have; with fewer than "
    f"{SEEDS_FOR_A_VERDICT} of them, "
    f"with 0 inside, or where all runs are the same there is {NO_VERDICT}."
)


def rows_of(table: TablePlan, results: Results, full: bool) -> list[str]:
    """The rows of a table that have finished runs: those named, or all that are no points of a sweep; the reference
    always; full supervision first where ``full`` says that it fits."""
    names = named_rows(table, results)
    if results.plan.reference is not None and results.plan.reference not in names:
        names.append(results.plan.reference)
    if full and FULL not in names:
        names.insert(0, FULL)
    return [name for name in names if name in results.rows]


def named_rows(table: TablePlan, results: Results) -> list[str]:
    """The rows of a table that have finished runs: those named, or all that are no points of a sweep."""
    rows = results.plan.rows
    names = table.rows or [row.name for row in rows if row.group is None] or [row.name for row in rows]
    return [name for name in names if name in results.rows]


def figure(values: Sequence[float | None], scale: float = 1.0, digits: int = 1, signed: bool = False) -> Figure:
    """The mean of what is known of ``values``, times ``scale``."""
    return Figure(spread([None if v is None else scale * v for v in values]), digits, signed)


def miou(rounds: Sequence[RoundFigures]) -> Figure:
    """mIoU in points."""
    return figure([r.miou for r in rounds], 100)


def last(results: Results, name: str) -> list[RoundFigures]:
    """The last round of a row's runs."""
    return [run.last for run in results.rows[name]]


def costs(rounds: Sequence[RoundFigures]) -> tuple[Figure, Figure]:
    """Clicks, and the share of pixels labelled in %."""
    return figure([r.clicks for r in rounds], digits=0), figure([r.pixel_share for r in rounds], 100, 2)


def last_miou(run: RunFigures) -> float | None:
    """mIoU in the last round."""
    return run.last.miou


def less(
    one: Sequence[RunFigures],
    other: Sequence[RunFigures],
    of: Callable[[RunFigures], float | None] = last_miou,
) -> dict[int, float | None]:
    """What ``one`` has more than ``other``, by the seeds that both have.

    Args:
        one: runs of a row.
        other: runs of another.
        of: what is compared; None = not measured.

    Returns:
        Seed to difference; None where one of both was not measured.
    """
    before: Mapping[int, float | None] = {run.seed: of(run) for run in other}
    found: dict[int, float | None] = {}
    for run in one:
        if run.seed in before:
            value, old = of(run), before[run.seed]
            found[run.seed] = None if value is None or old is None else value - old
    return found


def verdict_cells(differences: Sequence[float | None], digits: int = 2) -> tuple[Cell, Cell, Cell]:
    """The mean difference in points, its interval, and the verdict.

    Args:
        differences: of mIoU (0 to 1), one a seed.
        digits: of the figures.
    """
    found = interval(differences)
    mean = figure(differences, 100, digits, signed=True)
    if found is None:
        return mean, Range(None, None), Figure(None)
    low, high = (None if end is None else 100 * end for end in (found.low, found.high))
    return mean, Range(low, high, digits), found.verdict
