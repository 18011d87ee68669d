"""Tables of one row less another, paired by seed: at equal cost, after the last round, and round by round.

Reference: the ablations of SegXAL (arXiv 2408.04482, Table 3) and CPRAL (arXiv 2112.05975, Fig. 8).
"""

from __future__ import annotations

from functools import partial

from seglens.bench.axes import COSTS
from seglens.bench.cells import (
    INTERVAL,
    VERDICT_NOTE,
    costs,
    figure,
    last,
    less,
    miou,
    named_rows,
    rows_of,
    verdict_cells,
)
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import NO_OVERLAP, Results
from seglens.bench.table import Cell, Table


def equal_cost(table: TablePlan, results: Results) -> Table:
    """Each row less the reference at equal cost, paired by seed."""
    lines: list[tuple[Cell, ...]] = []
    names = rows_of(table, results, full=True) if table.rows else list(results.rows)
    for axis in results.plan.axes:
        for name, by_seed in results.differences(axis).items():
            if name not in names:
                continue
            known = [d for d in by_seed.values() if d is not None]
            of = f"{len(known)} of {len(by_seed)}"
            label = f"{name}, at equal {COSTS[axis].label.split(',')[0]}"
            if not known:
                lines.append((label, of, *[NO_OVERLAP] * 6))
                continue
            end = figure([d.end for d in known], 100, 2, signed=True)
            digits = 0 if axis == "clicks" else 2
            span = (figure([d.low for d in known], 1, digits), figure([d.high for d in known], 1, digits))
            lines.append((label, of, *span, *verdict_cells([d.mean for d in known]), end))
    reference = results.plan.reference
    head = ("row", "seeds that overlap", "from", "to", "mean difference", *INTERVAL, "difference at the end")
    note = (
        f"mIoU in points, less that of the row '{reference}' with the same seed, at the costs that both reach: mean "
        "over that range (area between the curves over its length) and at its end; curves are taken as straight "
        f"between rounds. Interval and verdict are those of the mean over the range. {VERDICT_NOTE}"
    )
    title = table.title or f"Compared with {reference} at equal cost"
    return Table("equal-cost", title, head, tuple(lines), note)


def ablation(table: TablePlan, results: Results) -> Table:
    """mIoU in the last round, and less the table's first row by seed (Table 3, Fig. 8)."""
    rows = rows_of(table, results, full=False)
    whole = table.rows[0] if table.rows else next(iter(rows), "")
    before = results.rows.get(whole, ())
    lines: list[tuple[Cell, ...]] = []
    for name in [*([FULL] if FULL in results.rows and FULL not in rows else []), *rows]:
        runs = results.rows[name]
        change = less(runs, before) if name != whole else {}
        found = last(results, name)
        lines.append((name, len(runs), miou(found), *verdict_cells(list(change.values())), *costs(found)))
    head = ("row", "seeds", "mIoU", f"less {whole}", *INTERVAL, "clicks", "pixels labelled, %")
    note = (
        "mIoU in points after the last round; differences are paired by seed, and not at equal cost where costs "
        f"differ. {VERDICT_NOTE}"
    )
    return Table("ablation", table.title or "Ablation", head, tuple(lines), note)


def by_round(table: TablePlan, results: Results) -> Table:
    """Each row less another after each round, paired by seed."""
    other = table.against or results.plan.reference or ""
    before = results.rows.get(other, ())
    lines: list[tuple[Cell, ...]] = []
    for name in named_rows(table, results):
        if name in (other, FULL) or not before:
            continue
        runs = results.rows[name]
        for number in range(max(len(run.rounds) for run in runs)):
            mine = [run.rounds[number] for run in runs if number < len(run.rounds)]
            theirs = [run.rounds[number] for run in before if number < len(run.rounds)]
            change = less(runs, before, partial(_miou_at, number=number))
            paired = sum(value is not None for value in change.values())
            shares = (costs(mine)[1], costs(theirs)[1])
            lines.append((f"{name}, round {number}", paired, *shares, miou(mine), *verdict_cells([*change.values()])))
    head = ("row", "seeds", "pixels labelled, %", f"{other}: pixels labelled, %", "mIoU", f"less {other}", *INTERVAL)
    note = (
        f"mIoU in points after each round, less that of the row '{other}' with the same seed after the same round: at "
        f"equal cost where both shares of pixels are the same. {VERDICT_NOTE}"
    )
    return Table("by-round", table.title or f"Compared with {other} by round", head, tuple(lines), note)


def _miou_at(run: RunFigures, number: int) -> float | None:
    return run.rounds[number].miou if number < len(run.rounds) else None
