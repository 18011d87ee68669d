"""What rows cost the machine and a person."""

from __future__ import annotations

from collections.abc import Sequence

from seglens.bench.cells import costs, figure, last, miou, rows_of
from seglens.bench.figures import RunFigures
from seglens.bench.plan import TablePlan
from seglens.bench.results import Results
from seglens.bench.table import Cell, Table

SCORING = ("narrow", "score", "pick")
"""Stages that choose."""


def cost(table: TablePlan, results: Results) -> Table:
    """What a row costs the machine and, by the simulation's stated prices, a person."""
    before = results.rows.get(table.against or "", ())
    lines: list[tuple[Cell, ...]] = []
    for name in rows_of(table, results, full=True):
        runs, found = results.rows[name], last(results, name)
        person = figure([r.person_seconds for r in found], digits=0)
        stages = [figure([_seconds(run, s) for run in runs], digits=1) for s in (SCORING, ("settle",), ("train",))]
        machine = figure([_seconds(run, (*SCORING, "settle", "train")) for run in runs], digits=1)
        times: tuple[Cell, ...] = (machine, figure([seconds_an_iteration(run) for run in runs], digits=2))
        if table.against is not None:
            times += (figure(_saved(runs, before) if name != table.against else (), 100),)
        lines.append((name, len(runs), miou(found), *costs(found), person, *stages, *times))
    stages_told = ("person s", "scoring s", "settling s", "training s", "machine s")
    head: tuple[str, ...] = ("row", "seeds", "mIoU", "clicks", "pixels labelled, %", *stages_told)
    head += ("choosing, s an iteration", *([f"saved against {table.against}, %"] if table.against else []))
    note = (
        "After the last round, all rounds together. Person seconds are simulated from clicks at stated prices; machine "
        "seconds are measured and leave out the simulation of answers and the evaluation. Choosing is narrow, score "
        "and pick, the mean over all rounds but the first, which has no model."
    )
    return Table("cost", table.title or "Machine and person", head, tuple(lines), note)


def seconds_an_iteration(run: RunFigures) -> float | None:
    """Mean machine seconds of choosing in a round after round 0; None where there is none."""
    return _seconds(run, SCORING, 1) / (len(run.rounds) - 1) if len(run.rounds) > 1 else None


def _saved(runs: Sequence[RunFigures], before: Sequence[RunFigures]) -> list[float | None]:
    """The share of ``before``'s seconds that is saved, by seed."""
    theirs = {run.seed: seconds_an_iteration(run) for run in before}
    pairs = [(seconds_an_iteration(run), theirs[run.seed]) for run in runs if run.seed in theirs]
    return [1 - mine / other if mine is not None and other else None for mine, other in pairs]


def _seconds(run: RunFigures, stages: Sequence[str], first: int = 0) -> float:
    return sum(r.seconds.get(stage, 0.0) for r in run.rounds[first:] for stage in stages)
