"""The pairwise penalty matrix: how often each row beats each other one, budget by budget.

Reference: Ash et al., Deep batch active learning by diverse, uncertain gradient lower bounds (ICLR 2020), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seglens.bench.area import value_at
from seglens.bench.axes import COSTS, curves, mean_curve
from seglens.bench.cells import figure, rows_of
from seglens.bench.compare import Curve
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, AxisName, TablePlan
from seglens.bench.results import Results
from seglens.bench.significance import ALPHA, TEST, holm, paired_p
from seglens.bench.table import Cell, Table
from seglens.types import BoolArray, FloatArray

SATURATED = 0.99
"""Of full supervision's mIoU: where both rows have that, there is nothing left to tell apart."""


@dataclass(frozen=True)
class Penalties:
    """Who beats whom, as shares of the budgets.

    Args:
        wins: (R, R): row i beats row j after Holm-Bonferroni over all comparisons.
        before: (R, R): likewise by each p-value alone.
        met: (R, R) bool: pairs that were compared at all.
        comparisons: tests that were made: pairs of rows by budgets that both reach with two seeds or more.
        saturated: pairs and budgets left out because both rows are as good as full supervision there.
    """

    wins: FloatArray
    before: FloatArray
    met: BoolArray
    comparisons: int
    saturated: int


def penalties(rows: Sequence[Mapping[int, Curve]], budgets: Sequence[float], full: float | None) -> Penalties:
    """The matrices of R rows.

    Args:
        rows: the curves of each, by seed.
        budgets: costs to compare at; without the first point where all rows share it.
        full: mIoU of full supervision; None = not known, no budget is saturated.
    """
    tests: list[tuple[int, int, float]] = []
    ps: list[float | None] = []
    saturated = 0
    for budget in budgets:
        at = [{seed: value_at(one, budget) for seed, one in by_seed.items()} for by_seed in rows]
        for i, j in combinations(range(len(rows)), 2):
            pairs = [(at[i][seed], at[j][seed]) for seed in at[i] if seed in at[j]]
            known = [(one, other) for one, other in pairs if one is not None and other is not None]
            p = paired_p([one - other for one, other in known])
            if p is None:
                continue
            mine, theirs = (float(np.mean(values)) for values in zip(*known, strict=True))
            if full is not None and min(mine, theirs) >= SATURATED * full:
                saturated += 1
                continue
            tests.append((i, j, mine - theirs))
            ps.append(p)
    shares = [_counted(tests, found, len(rows)) / max(len(budgets), 1) for found in (holm(ps), ps)]
    met = np.zeros((len(rows), len(rows)), bool)
    for i, j, _ in tests:
        met[i, j] = met[j, i] = True
    return Penalties(shares[0], shares[1], met, len(tests), saturated)


def _counted(tests: Sequence[tuple[int, int, float]], ps: Sequence[float | None], rows: int) -> FloatArray:
    wins: FloatArray = np.zeros((rows, rows))
    for (i, j, gap), p in zip(tests, ps, strict=True):
        if p is not None and p < ALPHA and gap:
            wins[(i, j) if gap > 0 else (j, i)] += 1
    return wins


def shared_budgets(runs: Sequence[RunFigures], axis: AxisName) -> list[float]:
    """Costs of a row's rounds, means over seeds, without the first: all rows share it."""
    found: list[float] = mean_curve(runs, COSTS[axis]).costs[1:].tolist()
    return found


def penalty(table: TablePlan, results: Results) -> Table:
    """The matrix over clicks, and over each other cost of the file, with wins and losses."""
    names = [name for name in rows_of(table, results, full=False) if name != FULL]
    first = next((name for name in names if name == results.plan.reference), names[0] if names else "")
    lines: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for axis in results.plan.axes if len(names) > 1 else ():
        label = COSTS[axis].label.split(",")[0]
        budgets = shared_budgets(results.rows[first], axis)
        rows = [curves(results.rows[name], COSTS[axis]) for name in names]
        found = penalties(rows, budgets, results.full_miou)
        lines += [_line(f"{name}, at equal {label}", i, results.rows[name], found) for i, name in enumerate(names)]
        told.append(
            f"{label}: {found.comparisons} comparisons at {len(budgets)} budgets ({found.saturated} saturated ones "
            "left out)"
        )
    head = ("row", "seeds", *(f"beats {name}" for name in names), "wins", "losses", "wins alone", "losses alone")
    note = (
        f"Shares of the budgets, those of the rounds of '{first}' but the first, at which a row's mIoU is higher by a "
        f"{TEST} (p < {ALPHA:g}), Holm-Bonferroni over all comparisons of a cost. {'; '.join(told)}. Wins and losses "
        "are means over the rows that it was compared with; 'alone' takes each p-value by itself. Differences that do "
        "not vary over seeds are no win. Left out: pairs of which both have "
        f"{100 * SATURATED:.0f} % of full supervision."
    )
    return Table("penalty", table.title or "Pairwise penalty matrix", head, tuple(lines), note)


def _line(label: str, i: int, runs: Sequence[RunFigures], found: Penalties) -> tuple[Cell, ...]:
    met = found.met[i]
    beats = [figure([float(share)] if there else [], digits=2) for share, there in zip(found.wins[i], met, strict=True)]
    means = [part[met] for matrix in (found.wins, found.before) for part in (matrix[i], matrix[:, i])]
    return (label, len(runs), *beats, *(figure([float(of.mean())] if met.any() else [], digits=2) for of in means))
