"""One line a row: how good, how much better than chance, how soon good enough, how long it chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seglens.bench.area import value_at
from seglens.bench.axes import CLICKS, curves, mean_curve
from seglens.bench.cells import figure, rows_of
from seglens.bench.effort import SCORING, seconds_an_iteration
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.reach import NOT_REACHED
from seglens.bench.results import Results
from seglens.bench.significance import TEST
from seglens.bench.standing import Standing, on_logs, standings
from seglens.bench.table import NOTHING, Cell, Table


def summary(table: TablePlan, results: Results) -> Table:
    """Every row in one line, over clicks."""
    names = [name for name in rows_of(table, results, full=False) if name != FULL]
    reference = results.plan.reference
    rows = {name: results.rows[name] for name in names}
    found = standings(rows, reference, results.full_miou)
    budget = _common_budget(rows, reference)
    lines = [(name, *_cells(name, one, budget, results)) for name, one in found.items()]
    beside = reference or "the reference"
    head = (
        "row",
        "seeds",
        f"mIoU at {budget:,.0f} clicks",
        "AUBC",
        f"AUBC less {beside}",
        "p",
        "Holm p",
        "clicks to 90 %",
        "clicks to 95 %",
        "pixels to 95 %, % of the pool",
        f"clicks saved over {beside}, %",
        "choosing, s an iteration",
    )
    return Table("summary", table.title or "Summary", head, tuple(lines), _note(found, reference, rows))


def _note(found: Mapping[str, Standing], reference: str | None, rows: Mapping[str, Sequence[RunFigures]]) -> str:
    logs = on_logs(rows.get(reference or "") or next(iter(rows.values()), ()))
    scale = "the logarithm of clicks: budgets grow by a common factor" if logs else "clicks on a linear scale"
    made = sum(one.p is not None for one in found.values())
    return (
        f"In points of mIoU. AUBC: area under a run's budget curve over {scale}, from round 0 on, by its length; less "
        f"{reference or 'the reference'}: at the clicks that both reach, by seed. {TEST.capitalize()}; "
        f"Holm-Bonferroni over the {made} comparisons of this table. Clicks and pixels to 90 and 95 % of full "
        "supervision: where the mean curve first gets there. Saved: clicks to the reference's last mIoU, mean curves. "
        f"Choosing: wall seconds of {', '.join(SCORING)}, the mean of the rounds that have a model."
    )


def _common_budget(rows: Mapping[str, Sequence[RunFigures]], reference: str | None) -> float:
    """The most clicks that every row reaches, of the rows that meet the reference."""
    means = {name: mean_curve(runs, CLICKS) for name, runs in rows.items()}
    spans = {name: (one.costs[0], one.costs[-1]) for name, one in means.items() if len(one.costs)}
    if reference in spans:
        low, high = spans[reference]
        spans = {name: (start, end) for name, (start, end) in spans.items() if start <= high and end >= low}
    return float(min((end for _, end in spans.values()), default=0.0))


def _cells(name: str, one: Standing, budget: float, results: Results) -> tuple[Cell, ...]:
    values = [value_at(curve, budget) for curve in curves(one.runs, CLICKS).values()]
    gone = NOTHING if results.full_miou is None else NOT_REACHED

    def reached(key: str, scale: float = 1.0, digits: int = 0) -> Cell:
        value = one.reached[key]
        return gone if value is None else figure([value], scale, digits)

    no_gain = name == results.plan.reference or not results.rows.get(results.plan.reference or "")
    saved: Cell = figure([one.saving], 100)
    return (
        len(one.runs),
        figure(values, 100, 2),
        figure(one.aubc, 100, 2),
        figure(one.gains, 100, 2, signed=True),
        figure([one.p], digits=4),
        figure([one.holm], digits=4),
        reached("clicks_to_90"),
        reached("clicks_to_95"),
        reached("pixel_share_to_95", 100, 2),
        saved if no_gain or one.saving is not None else NOT_REACHED,
        figure([seconds_an_iteration(run) for run in one.runs], digits=2),
    )
