"""Whether the order of rows hangs on what a click and a polygon's vertex are said to take.

Person seconds are stated, not measured. What a row needs to reach a target is counted in clicks of two kinds: vertices
of drawn polygons, and all others (a region's class, a drawn segment's class). Prices put them into hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from seglens.bench.axes import CLICKS, Cost, mean_curve
from seglens.bench.cells import figure, rows_of
from seglens.bench.compare import first_crossing
from seglens.bench.figures import RunFigures
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.reach import NOT_REACHED, targets
from seglens.bench.results import Results
from seglens.bench.table import NOTHING, Cell, Table

CLICK_SECONDS = (1.2, 2.4, 4.8)
VERTEX_SECONDS = (0.45, 0.9, 1.8)
"""Half, one and two times what is stated in ``oracles/cost.py``."""
Prices = tuple[float, float]
"""Seconds of a click, and of a vertex."""


@dataclass(frozen=True)
class Need:
    """What a row needs to reach a target: vertices, and other clicks."""

    clicks: float
    vertices: float

    def seconds(self, prices: Prices) -> float:
        """A person's time."""
        return self.clicks * prices[0] + self.vertices * prices[1]


def need(runs: Sequence[RunFigures], target: float) -> Need | None:
    """What the mean of runs needs to reach a mIoU; None = not reached, or vertices are not known.

    Between rounds all of mIoU, clicks and vertices are taken as straight, so that no price changes where it is reached.
    """
    if any(r.vertices is None for run in runs for r in run.rounds):
        return None
    total = first_crossing(mean_curve(runs, CLICKS), target)
    if total is None:
        return None
    rounds = list(zip(*(run.rounds for run in runs), strict=False))
    paid = [[float(np.mean([cost.of(r) for r in at])) for at in rounds] for cost in (CLICKS, Cost("vertices", 1.0, ""))]
    vertices = float(np.interp(total, paid[0], paid[1]))
    return Need(total - vertices, vertices)


def break_even(one: Need, other: Need) -> float | None:
    """The price of a vertex in clicks at which both take a person as long; None = the same one is cheaper at any.

    Example:
        >>> break_even(Need(100, 0), Need(20, 160))
        0.5
    """
    vertices = one.vertices - other.vertices
    price = (other.clicks - one.clicks) / vertices if vertices else -1.0
    return price if price > 0 else None


def changes(needs: Mapping[str, Need], prices: Sequence[Prices]) -> list[str]:
    """Pairs of rows whose order is not the same at all prices, and the price of a vertex at which it turns."""
    found = []
    for one, other in combinations(needs, 2):
        signs = {np.sign(needs[one].seconds(p) - needs[other].seconds(p)) for p in prices}
        turn = break_even(needs[one], needs[other])
        if len(signs) > 1 and turn is not None:
            found.append(f"{one} and {other} at {turn:.2f} clicks a vertex")
    return found


def prices(table: TablePlan, results: Results) -> Table:
    """Person hours to each target at each price, with the rank of each row."""
    swept = list(product(table.click_seconds or CLICK_SECONDS, table.vertex_seconds or VERTEX_SECONDS))
    names = [name for name in rows_of(table, results, full=False) if name != FULL]
    lines: list[tuple[Cell, ...]] = []
    told: list[str] = []
    for target, level in targets(table, results).items():
        found = {name: need(results.rows[name], level) for name in names}
        known = {name: one for name, one in found.items() if one is not None}
        ranks = {price: sorted(known, key=lambda name: known[name].seconds(price)) for price in swept}
        for name in names:
            lines.append((f"{name}, {target}", len(results.rows[name]), *_cells(name, found[name], ranks)))
        turned = changes(known, swept)
        told.append(f"{target}: {'; '.join(turned) if turned else 'the same at every price'}")
    head = ("row", "seeds", "clicks", "vertices", *(f"click {c:g} s, vertex {v:g} s" for c, v in swept))
    note = (
        "Rank, and person hours that the mean curve takes to the target, by what a click and a vertex of a drawn "
        "polygon take; choosing a drawn segment's class takes a click. Clicks are all but the vertices. Where the "
        f"order of rows turns: {'. '.join(told)}."
    )
    return Table("prices", table.title or "Prices of a click and a vertex", head, tuple(lines), note)


def _cells(name: str, one: Need | None, ranks: Mapping[Prices, Sequence[str]]) -> list[Cell]:
    if one is None:
        return [NOT_REACHED, NOTHING, *[NOTHING] * len(ranks)]
    hours = [f"{order.index(name) + 1}: {one.seconds(price) / 3600:.2f} h" for price, order in ranks.items()]
    return [figure([one.clicks], digits=0), figure([one.vertices], digits=0), *hours]
