"""Quality under a noisy annotator: rows by line and level.

Reference: CPRAL (arXiv 2112.05975), Fig. 7.
"""

from __future__ import annotations

from seglens.bench.cells import INTERVAL, VERDICT_NOTE, last, less, miou, verdict_cells
from seglens.bench.plan import TablePlan
from seglens.bench.results import Results
from seglens.bench.table import Cell, Table


def noise_lines(table: TablePlan, results: Results) -> dict[str, dict[float, str]]:
    """The lines of a noise table: a group to its rows by level, both in order.

    A row's line is its group, or its own name. Rows are those named, or all that have a level; the row that a line is
    named after stands in it at its own level, 0 where it has none.
    """
    rows = results.plan.rows
    line_of = {row.name: row.group or row.name for row in rows}
    names = set(table.rows or [row.name for row in rows if row.level is not None])
    names |= {line_of[name] for name in names}
    found: dict[str, dict[float, str]] = {}
    for row in rows:
        if row.name in names and row.name in results.rows:
            found.setdefault(line_of[row.name], {})[row.level or 0.0] = row.name
    return {line: dict(sorted(levels.items())) for line, levels in found.items()}


def noise(table: TablePlan, results: Results) -> Table:
    """mIoU in the last round by line and level, less that of the same line without noise, and of another line."""
    lines = noise_lines(table, results)
    other = lines.get(table.against or "", {})
    found: list[tuple[Cell, ...]] = []
    for line, levels in lines.items():
        clean = results.rows[levels[0.0]] if 0.0 in levels else ()
        for level, name in levels.items():
            runs = results.rows[name]
            drop = less(runs, clean) if level else {}
            cells: tuple[Cell, ...] = (name, line, f"{level:g}", len(runs), miou(last(results, name)))
            cells += verdict_cells(list(drop.values()))
            if table.against is not None:
                same = level in other and line != table.against
                change = less(runs, results.rows[other[level]]) if same else {}
                cells += verdict_cells(list(change.values()))
            found.append(cells)
    head: tuple[str, ...] = ("row", "line", "wrong answers, %", "seeds", "mIoU", "less its own at 0 %", *INTERVAL)
    if table.against is not None:
        head += (f"less {table.against} at the same level", *(f"{name} against {table.against}" for name in INTERVAL))
    note = f"mIoU in points after the last round; differences are paired by seed. {VERDICT_NOTE}"
    return Table("noise", table.title or "mIoU by wrong answers", head, tuple(found), note)
