"""What a row has to be given until it is good enough.

Reference: CPRAL (arXiv 2112.05975), Fig. 5: labels to 90 % of full supervision, labels to an mIoU of 0.50.
"""

from __future__ import annotations

from seglens.bench.cells import figure, rows_of
from seglens.bench.compare import Curve, first_crossing
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results
from seglens.bench.table import Cell, Table

NOT_REACHED = "not reached"
SHARES = (0.9, 0.95)
"""Of full supervision's mIoU: "p90" and "p95"."""


def targets(table: TablePlan, results: Results) -> dict[str, float]:
    """What is to be reached: its name and its mIoU. Without a run of full supervision there is no share of it."""
    found = {f"mIoU {100 * value:.1f}": value for value in table.at}
    if results.full_miou is None:
        return found
    levels = {share: share * results.full_miou for share in SHARES}
    return {f"{100 * share:.0f} % of {FULL} ({100 * level:.1f})": level for share, level in levels.items()} | found


def reach(table: TablePlan, results: Results) -> Table:
    """The costs at which each seed first reaches each target; "not reached" is a value, with the best mIoU."""
    lines: list[tuple[Cell, ...]] = []
    for target, level in targets(table, results).items():
        for name in rows_of(table, results, full=False):
            if name == FULL:
                continue  # one point
            by_axis = [list(results.curves(name, axis).values()) for axis in ("pixels", "clicks")]
            best = [float(one.values.max()) if len(one.values) else None for one in by_axis[0]]
            found = [[first_crossing(one, level) for one in curves] for curves in by_axis]
            cells = [_cost(values, digits) for values, digits in zip(found, (2, 0), strict=True)]
            reached = f"{_reached(by_axis[0], level)} of {len(by_axis[0])}"
            lines.append((f"{name}, {target}", len(by_axis[0]), reached, *cells, figure(best, 100)))
    head = ("row", "seeds", "seeds that reach it", "pixels labelled, %", "clicks", "best mIoU")
    note = (
        "Costs at which a run's mIoU, taken as straight between rounds, first reaches the target; round 0's costs "
        "where it is there at once. Mean and deviation are those of the seeds that reach it; the best mIoU is a run's "
        "highest in any round, over all seeds."
    )
    return Table("reach", table.title or "Labels to be good enough", head, tuple(lines), note)


def _reached(curves: list[Curve], level: float) -> int:
    return sum(bool((one.values >= level).any()) for one in curves)


def _cost(values: list[float | None], digits: int) -> Cell:
    return NOT_REACHED if all(value is None for value in values) else figure(values, digits=digits)
