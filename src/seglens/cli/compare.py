"""``seglens bench compare``: two results against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from seglens.bench.compare import Interval
from seglens.bench.significance import TEST
from seglens.bench.sources import read_source
from seglens.bench.versus import AXES, Versus, pair_up, versus
from seglens.cli import console
from seglens.cli.run import Json

WHAT = "results (FILE.json), a row of them (FILE.json:row) or a run's folder"
UNITS = {"clicks": "clicks", "pixels": "pixels, %"}
HEADS = ("row", "at equal", "seeds", "range", "mean difference", "95 % interval", "p", "verdict", "at the end")


def compare(
    a: Annotated[str, typer.Argument(help=f"What is judged: {WHAT}.", show_default=False)],
    b: Annotated[str, typer.Argument(help="What it is compared with, likewise.", show_default=False)],
    json: Json = False,
) -> None:
    """Compare A with B: seed by seed, at equal cost, over the costs that both reach; better means that A is higher."""
    one, other = read_source(a), read_source(b)
    found = {
        pair: {
            name: versus(one.rows[pair[0]], other.rows[pair[1]], axis, len(one.classes)) for name, axis in AXES.items()
        }
        for pair in pair_up(one, other)
    }
    table = _table(f"{a} less {b}: mIoU in points", HEADS)
    for pair, by_axis in found.items():
        for name, axis in by_axis.items():
            table.add_row(console.escape(" less ".join(dict.fromkeys(pair))), UNITS[name], *_cells(axis))
    tests = sum(axis.p is not None for by_axis in found.values() for axis in by_axis.values())
    table.caption = f"p: {TEST}, not corrected; {tests} comparisons"
    console.out.print(table)
    for pair, by_axis in found.items():
        console.out.print(_by_class(" less ".join(dict.fromkeys(pair)), one.classes, by_axis))
    if json:
        rows = [
            {"a": pair[0], "b": pair[1], **{name: axis.plain() for name, axis in by_axis.items()}}
            for pair, by_axis in found.items()
        ]
        console.print_json({"a": a, "b": b, "classes": one.classes, "rows": rows})


def _table(title: str, heads: Sequence[str]) -> Table:
    table = Table(title=console.escape(title))
    for head in heads:
        table.add_column(head, overflow="fold")  # a narrow terminal hides no figure
    return table


def _cells(found: Versus) -> tuple[str, ...]:
    """What stands in a line behind row and cost."""
    known, within = found.known, found.found
    seeds = f"{len(known)} of {len(found.by_seed)}"
    if within is None or found.end is None:
        return seeds, "", "no overlap", "", "", "", ""
    low, high = (sum(values) / len(known) for values in zip(*((d.low, d.high) for d in known), strict=True))
    p = "" if found.p is None else f"{found.p:.4f}"
    ends = (p, within.verdict, f"{100 * found.end.mean:+.2f}")
    return seeds, f"{_cost(low)} to {_cost(high)}", f"{100 * within.mean:+.2f}", _within(within), *ends


def _cost(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def _within(found: Interval | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ""
    return f"{100 * found.low:+.2f} to {100 * found.high:+.2f}"


def _by_class(title: str, classes: tuple[str, ...], by_axis: dict[str, Versus]) -> Table:
    """Differences of each class's IoU at the end of the common range."""
    heads = [head for name in by_axis for head in (f"at equal {name}", "95 % interval")]
    table = _table(f"{title}: IoU by class at the end, in points", ("class", *heads))
    for index, name in enumerate(classes):
        cells: list[str] = []
        for axis in by_axis.values():
            found = axis.classes[index]
            cells += ["" if found is None else f"{100 * found.mean:+.2f}", _within(found)]
        table.add_row(console.escape(name), *cells)
    return table
