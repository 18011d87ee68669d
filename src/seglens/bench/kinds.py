"""The kinds of tables. mIoU and IoU are in points, against native truth; "±" is the sample deviation over seeds.

Reference: the tables of SegXAL (arXiv 2408.04482): per class (Table 1), per cycle (Table 2), ablation (Table 3), split
of the data (Fig. 7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seglens.bench.compare import Spread, spread
from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import COSTS, NO_OVERLAP, Results
from seglens.bench.table import Cell, Figure, Table

SCORING = ("narrow", "score", "pick")


def make_tables(results: Results) -> list[Table]:
    """Every table that the file asks for; the comparison at equal cost stands in any case where there is a reference.

    A table none of whose rows has a finished run is left out.
    """
    wanted = list(results.plan.tables)
    if results.plan.reference is not None and all(table.kind != "equal-cost" for table in wanted):
        wanted.append(TablePlan(kind="equal-cost"))
    tables = [KINDS[table.kind](table, results) for table in wanted]
    return [table for table in tables if table.rows]


def rows_of(table: TablePlan, results: Results, full: bool) -> list[str]:
    """The rows of a table that have finished runs: those named, or all that are no points of a sweep; the reference
    always; full supervision first where ``full`` says that it fits."""
    rows = results.plan.rows
    names = list(table.rows or [row.name for row in rows if row.group is None] or [row.name for row in rows])
    if results.plan.reference is not None and results.plan.reference not in names:
        names.append(results.plan.reference)
    if full and FULL not in names:
        names.insert(0, FULL)
    return [name for name in names if name in results.rows]


def _figure(values: Sequence[float | None], scale: float = 1.0, digits: int = 1, signed: bool = False) -> Figure:
    return Figure(spread([None if v is None else scale * v for v in values]), digits, signed)


def _miou(rounds: Sequence[RoundFigures]) -> Figure:
    return _figure([r.miou for r in rounds], 100)


def _last(results: Results, name: str) -> list[RoundFigures]:
    return [run.last for run in results.rows[name]]


def _costs(rounds: Sequence[RoundFigures]) -> tuple[Figure, Figure]:
    return _figure([r.clicks for r in rounds], digits=0), _figure([r.pixel_share for r in rounds], 100, 2)


def rounds(table: TablePlan, results: Results) -> Table:
    """Every round of every row: costs and mIoU."""
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        runs = results.rows[name]
        for number in range(max(len(run.rounds) for run in runs)):
            at = [run.rounds[number] for run in runs if number < len(run.rounds)]
            native, model = _miou(at), _figure([r.miou_at_model_size for r in at], 100)
            lines.append((f"{name}, round {number}", len(at), *_costs(at), native, model))
    head = ("row", "seeds", "clicks", "pixels labelled, %", "mIoU, native truth", "mIoU, truth at model size")
    return Table("rounds", table.title or "Rounds", head, tuple(lines))


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
                lines.append((label, of, NO_OVERLAP, NO_OVERLAP, NO_OVERLAP, NO_OVERLAP))
                continue
            mean = _figure([d.mean for d in known], 100, 2, signed=True)
            end = _figure([d.end for d in known], 100, 2, signed=True)
            digits = 0 if axis == "clicks" else 2
            span = (_figure([d.low for d in known], 1, digits), _figure([d.high for d in known], 1, digits))
            lines.append((label, of, *span, mean, end))
    reference = results.plan.reference
    head = ("row", "seeds that overlap", "from", "to", "mean difference", "difference at the end")
    note = (
        f"mIoU in points, less that of the row '{reference}' with the same seed, at the costs that both reach: mean "
        "over that range (area between the curves over its length) and at its end; curves are taken as straight "
        "between rounds."
    )
    title = table.title or f"Compared with {reference} at equal cost"
    return Table("equal-cost", title, head, tuple(lines), note)


def classes(table: TablePlan, results: Results) -> Table:
    """IoU by class in the last round, mIoU, and two deviations that are not the same thing (Table 1)."""
    names = results.setting.classes
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        last = _last(results, name)
        by_class = [_figure([r.iou[c] if r.iou else None for r in last], 100) for c in range(len(names))]
        across = _figure([_across_classes(r) for r in last], 100)
        miou = _miou(last)
        seeds = miou.spread.sd if miou.spread else None
        runs = Figure(Spread(seeds, None, len(last)) if seeds is not None else None, digits=2)
        lines.append((name, len(last), *by_class, miou, across, runs))
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
        by_round = [_miou([run.rounds[n] for run in runs if n < len(run.rounds)]) for n in range(most)]
        lines.append((name, len(runs), *by_round, *_costs(_last(results, name))))
    head = ("row", "seeds", *(f"round {n}" for n in range(most)), "clicks", "pixels labelled, %")
    return Table("cycles", table.title or "mIoU by round", head, tuple(lines), "Costs are those of the last round.")


def ablation(table: TablePlan, results: Results) -> Table:
    """mIoU in the last round, and less the table's first row by seed (Table 3)."""
    rows = rows_of(table, results, full=False)
    whole = table.rows[0] if table.rows else next(iter(rows), "")
    before = {run.seed: run.last.miou for run in results.rows.get(whole, ())}
    lines: list[tuple[Cell, ...]] = []
    for name in [*([FULL] if FULL in results.rows and FULL not in rows else []), *rows]:
        runs = results.rows[name]
        change = [_less(run.last.miou, before.get(run.seed)) for run in runs] if name != whole else []
        last = _last(results, name)
        lines.append((name, len(runs), _miou(last), _figure(change, 100, 2, signed=True), *_costs(last)))
    head = ("row", "seeds", "mIoU", f"less {whole}", "clicks", "pixels labelled, %")
    note = (
        "mIoU in points after the last round; differences are paired by seed, and not at equal cost where costs differ."
    )
    return Table("ablation", table.title or "Ablation", head, tuple(lines), note)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def sweep(table: TablePlan, results: Results) -> Table:
    """mIoU in the last round against the share of the pool's pixels that round 0 labels (Fig. 7)."""
    lines: list[tuple[Cell, ...]] = []
    for group, points in sweep_groups(table, results).items():
        for name in points:
            runs = results.rows[name]
            share = _figure([run.rounds[0].pixel_share for run in runs], 100, 2)
            lines.append(
                (name, group, len(runs), share, *_costs(_last(results, name))[1:], _miou(_last(results, name)))
            )
    head = ("row", "line", "seeds", "labelled at first, %", "labelled at last, %", "mIoU")
    note = "mIoU in points after the last round."
    if results.full_miou is not None:
        note += f" Full supervision: {100 * results.full_miou:.1f}."
    return Table("sweep", table.title or "mIoU by initial share of labels", head, tuple(lines), note)


def sweep_groups(table: TablePlan, results: Results) -> dict[str, list[str]]:
    """The lines of a sweep: group to its rows, by initial share. The reference's whole group stands in it.

    Rows are those named, or all that have a group.
    """
    group_of = {row.name: row.group or row.name for row in results.plan.rows}
    names = set(table.rows or [row.name for row in results.plan.rows if row.group is not None])
    if results.plan.reference is not None:
        names |= {n for n, group in group_of.items() if group == group_of[results.plan.reference]}
    groups: dict[str, list[str]] = {}
    for name, group in group_of.items():
        if name in names and name in results.rows:
            groups.setdefault(group, []).append(name)
    return {g: sorted(rows, key=lambda name: initial_share(results.rows[name])) for g, rows in groups.items()}


def initial_share(runs: Sequence[RunFigures]) -> float:
    """Mean share of the pool's pixels that round 0 labels."""
    return float(np.mean([run.rounds[0].pixel_share for run in runs]))


def cost(table: TablePlan, results: Results) -> Table:
    """What a row costs the machine and, by the simulation's stated prices, a person."""
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        runs, last = results.rows[name], _last(results, name)
        person = _figure([r.person_seconds for r in last], digits=0)
        stages = [_figure([_seconds(run, s) for run in runs], digits=1) for s in (SCORING, ("settle",), ("train",))]
        machine = _figure([_seconds(run, (*SCORING, "settle", "train")) for run in runs], digits=1)
        lines.append((name, len(runs), _miou(last), *_costs(last), person, *stages, machine))
    head = ("row", "seeds", "mIoU", "clicks", "pixels labelled, %", "person s", "scoring s", "settling s", "training s")
    note = (
        "After the last round, all rounds together. Person seconds are simulated from clicks at stated prices; machine "
        "seconds are measured and leave out the simulation of answers and the evaluation."
    )
    return Table("cost", table.title or "Machine and person", (*head, "machine s"), tuple(lines), note)


def _seconds(run: RunFigures, stages: Sequence[str]) -> float:
    return sum(r.seconds.get(stage, 0.0) for r in run.rounds for stage in stages)


def bands(table: TablePlan, results: Results) -> Table:
    """mIoU of the last model by depth."""
    rows = rows_of(table, results, full=True)
    known = {name: [run.bands for run in results.rows[name] if run.bands is not None] for name in rows}
    first = next((bands for found in known.values() for bands in found), None)
    lines: list[tuple[Cell, ...]] = []
    for name, found in known.items():
        if first is not None and found:
            by_band = [_figure([b.miou[i] for b in found], 100) for i in range(len(first.names))]
            lines.append((name, len(found), *by_band, _miou(_last(results, name))))
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
}
