"""The kinds of tables. mIoU and IoU are in points, against native truth; "±" is the sample deviation over seeds.

Reference: the tables of SegXAL (arXiv 2408.04482): per class (Table 1), per cycle (Table 2), split of data (Fig. 7).
Comparisons and what else needs room are in files of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seglens.bench.against import against
from seglens.bench.cells import costs, figure, last, miou, named_rows, rows_of
from seglens.bench.compare import Spread
from seglens.bench.effort import cost
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.noise import noise
from seglens.bench.pairs import ablation, by_round, equal_cost
from seglens.bench.penalty import penalty
from seglens.bench.plan import TablePlan
from seglens.bench.prices import prices
from seglens.bench.quality import calibration, queries, rare
from seglens.bench.reach import reach
from seglens.bench.results import Results
from seglens.bench.summary import summary
from seglens.bench.table import Cell, Figure, Table


def make_tables(results: Results) -> list[Table]:
    """Every table that the file asks for; the comparison at equal cost stands in any case where there is a reference.

    A table none of whose rows has a finished run is left out.
    """
    wanted = list(results.plan.tables)
    if results.plan.reference is not None and all(table.kind != "equal-cost" for table in wanted):
        wanted.append(TablePlan(kind="equal-cost"))
    tables = [KINDS[table.kind](table, results) for table in wanted]
    return [table for table in tables if table.rows]


def rounds(table: TablePlan, results: Results) -> Table:
    """Every round of every row: costs and mIoU."""
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        runs = results.rows[name]
        for number in range(max(len(run.rounds) for run in runs)):
            at = [run.rounds[number] for run in runs if number < len(run.rounds)]
            native, model = miou(at), figure([r.miou_at_model_size for r in at], 100)
            lines.append((f"{name}, round {number}", len(at), *costs(at), native, model))
    head = ("row", "seeds", "clicks", "pixels labelled, %", "mIoU, native truth", "mIoU, truth at model size")
    return Table("rounds", table.title or "Rounds", head, tuple(lines))


def classes(table: TablePlan, results: Results) -> Table:
    """IoU by class in the last round, mIoU, and two deviations that are not the same thing (Table 1)."""
    names = results.setting.classes
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        found = last(results, name)
        by_class = [figure([r.iou[c] if r.iou else None for r in found], 100) for c in range(len(names))]
        across = figure([_across_classes(r) for r in found], 100)
        mean = miou(found)
        seeds = mean.spread.sd if mean.spread else None
        runs = Figure(Spread(seeds, None, len(found)) if seeds is not None else None, digits=2)
        lines.append((name, len(found), *by_class, mean, across, runs))
    head = ("row", "seeds", *names, "mIoU", "STD across classes", "spread across runs")
    note = (
        "IoU in points after the last round. STD across classes is the paper's: the population deviation of a run's "
        "IoU over its classes. The spread across runs is the sample deviation of mIoU over seeds."
    )
    return Table("classes", table.title or "IoU by class", head, tuple(lines), note)


def _across_classes(figures: RoundFigures) -> float | None:
    known = [value for value in figures.iou if value is not None]
    return float(np.std(known)) if known else None


def cycles(table: TablePlan, results: Results) -> Table:
    """mIoU by round (Table 2)."""
    rows = rows_of(table, results, full=False)
    most = max((len(run.rounds) for name in rows for run in results.rows[name]), default=0)
    lines: list[tuple[Cell, ...]] = []
    for name in rows:
        runs = results.rows[name]
        by_round = [miou([run.rounds[n] for run in runs if n < len(run.rounds)]) for n in range(most)]
        lines.append((name, len(runs), *by_round, *costs(last(results, name))))
    head = ("row", "seeds", *(f"round {n}" for n in range(most)), "clicks", "pixels labelled, %")
    return Table("cycles", table.title or "mIoU by round", head, tuple(lines), "Costs are those of the last round.")


def sweep(table: TablePlan, results: Results) -> Table:
    """mIoU in the last round against the share of the pool's pixels that round 0 labels (Fig. 7)."""
    lines: list[tuple[Cell, ...]] = []
    for group, points in sweep_groups(table, results).items():
        for name in points:
            runs = results.rows[name]
            share = figure([run.rounds[0].pixel_share for run in runs], 100, 2)
            lines.append((name, group, len(runs), share, *costs(last(results, name))[1:], miou(last(results, name))))
    head = ("row", "line", "seeds", "labelled at first, %", "labelled at last, %", "mIoU")
    note = "mIoU in points after the last round."
    if results.full_miou is not None:
        note += f" Full supervision: {100 * results.full_miou:.1f}."
    return Table("sweep", table.title or "mIoU by initial share of labels", head, tuple(lines), note)


def sweep_groups(table: TablePlan, results: Results) -> dict[str, list[str]]:
    """The lines of a sweep: group to its rows, by initial share. The reference's whole group stands in it.

    Rows are those named, or all that have a group and no level of noise.
    """
    group_of = {row.name: row.group or row.name for row in results.plan.rows}
    noisy = {row.name for row in results.plan.rows if row.level is not None}
    names = set(table.rows or {row.name for row in results.plan.rows if row.group is not None} - noisy)
    if results.plan.reference is not None:
        names |= {n for n, group in group_of.items() if group == group_of[results.plan.reference]} - noisy
    groups: dict[str, list[str]] = {}
    for name, group in group_of.items():
        if name in names and name in results.rows:
            groups.setdefault(group, []).append(name)
    return {g: sorted(rows, key=lambda name: initial_share(results.rows[name])) for g, rows in groups.items()}


def initial_share(runs: Sequence[RunFigures]) -> float:
    """Mean share of the pool's pixels that round 0 labels."""
    return float(np.mean([run.rounds[0].pixel_share for run in runs]))


def metrics(table: TablePlan, results: Results) -> Table:
    """Figures of the store by round; "–" where a round has none."""
    rows = [name for name in named_rows(table, results) if name in results.rows]
    most = max((len(run.rounds) for name in rows for run in results.rows[name]), default=0)
    lines: list[tuple[Cell, ...]] = []
    for name in rows:
        for metric in table.metrics:
            runs = results.rows[name]
            by_round = [[run.rounds[n].more.get(metric) for run in runs if n < len(run.rounds)] for n in range(most)]
            lines.append((f"{name}, {metric}", len(runs), *(figure(values, digits=3) for values in by_round)))
    head = ("row", "seeds", *(f"round {n}" for n in range(most)))
    return Table("metrics", table.title or "Metrics by round", head, tuple(lines))


def bands(table: TablePlan, results: Results) -> Table:
    """mIoU of the last model by depth."""
    rows = rows_of(table, results, full=True)
    known = {name: [run.bands for run in results.rows[name] if run.bands is not None] for name in rows}
    first = next((bands for found in known.values() for bands in found), None)
    lines: list[tuple[Cell, ...]] = []
    for name, found in known.items():
        if first is not None and found:
            by_band = [figure([b.miou[i] for b in found], 100) for i in range(len(first.names))]
            lines.append((name, len(found), *by_band, miou(last(results, name))))
    names = first.names if first else ()
    note = ""
    if first is not None:
        edges = ", ".join(f"{edge:.2f}" for edge in first.edges)
        note = (
            f"mIoU in points after the last round, over the {first.classes} classes that occur both nearest and "
            f"farthest. Depth: {first.depth} (given the true labels for a prediction). Bands hold equally many pixels "
            f"of the evaluation images, split at proximity {edges}."
        )
    head = ("row", "seeds", *names, "all pixels, all classes")
    return Table("bands", table.title or "mIoU by depth", head, tuple(lines), note)


KINDS: dict[str, Callable[[TablePlan, Results], Table]] = {
    "rounds": rounds,
    "equal-cost": equal_cost,
    "classes": classes,
    "cycles": cycles,
    "ablation": ablation,
    "sweep": sweep,
    "cost": cost,
    "bands": bands,
    "reach": reach,
    "by-round": by_round,
    "metrics": metrics,
    "noise": noise,
    "summary": summary,
    "against": against,
    "penalty": penalty,
    "rare": rare,
    "calibration": calibration,
    "queries": queries,
    "prices": prices,
}
