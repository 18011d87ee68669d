"""One row against every other: the areas between their curves, with p-values that many comparisons leave."""

from __future__ import annotations

from seglens.bench.axes import COSTS
from seglens.bench.cells import figure, rows_of
from seglens.bench.compare import NO_VERDICT, interval
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import NO_OVERLAP, Results
from seglens.bench.significance import ALPHA, TEST, holm, paired_p
from seglens.bench.standing import area_gains, on_logs
from seglens.bench.table import Cell, Figure, Range, Table


def against(table: TablePlan, results: Results) -> Table:
    """A row's area less that of each other row at equal cost, p and Holm p."""
    mine = table.against or results.plan.reference or ""
    runs = results.rows.get(mine, ())
    others = [name for name in rows_of(table, results, full=False) if name not in (mine, FULL)]
    lines: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for axis in results.plan.axes if runs else ():
        cost = COSTS[axis]
        label = cost.label.split(",")[0]
        logs = on_logs(runs, cost)
        gains = {name: area_gains(runs, results.rows[name], cost, logs) for name in others}
        ps = [paired_p(found) for found in gains.values()]
        for (name, found), p, corrected in zip(gains.items(), ps, holm(ps), strict=True):
            lines.append((f"{name}, at equal {label}", *_cells(found, p, corrected)))
        made = sum(p is not None for p in ps)
        told.append(f"{label}: {made} comparisons, costs on a {'logarithmic' if logs else 'linear'} scale")
    head = ("other row", "seeds that overlap", f"{mine} less it", "95 % interval", "p", "Holm p", f"{mine} is")
    note = (
        f"Areas in points of mIoU: {mine} less the other row with the same seed, at the costs that both reach, by the "
        f"length of that range. {TEST.capitalize()}; Holm-Bonferroni over all rows of a cost. {'; '.join(told)}. "
        f"Better or worse where Holm's p is below {ALPHA:g}, else {NO_VERDICT}. The interval is not corrected."
    )
    return Table("against", table.title or f"{mine} against every other row", head, tuple(lines), note)


def _cells(gains: tuple[float | None, ...], p: float | None, corrected: float | None) -> tuple[Cell, ...]:
    known = [gain for gain in gains if gain is not None]
    if not known:
        return (0, NO_OVERLAP, Range(None, None), Figure(None), Figure(None), NO_VERDICT)
    found = interval(known)
    low, high = (None, None) if found is None else (found.low, found.high)
    within = Range(None if low is None else 100 * low, None if high is None else 100 * high)
    mean = figure(known, 100, 2, signed=True)
    ends = (figure([p], digits=4), figure([corrected], digits=4), verdict(known, corrected))
    return (len(known), mean, within, *ends)


def verdict(gains: list[float], corrected: float | None) -> str:
    """What Holm's p says of differences: better, worse, or nothing."""
    if corrected is None or corrected >= ALPHA:
        return NO_VERDICT
    return "better" if sum(gains) > 0 else "worse"
