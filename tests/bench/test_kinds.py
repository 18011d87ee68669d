"""Every kind of table, on figures made up by hand and worked out again here."""

from __future__ import annotations

import csv
import io
import statistics
from typing import Any

import pytest
from small import figures, results

from seglens.bench.figures import BandFigures
from seglens.bench.kinds import KINDS, make_tables
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results, plain
from seglens.bench.table import FORMATS, Figure, Table, escape_latex, to_csv, to_latex, to_markdown

OURS = [[(10, 0.2), (20, 0.4), (30, 0.5)], [(10, 0.3), (20, 0.3), (30, 0.6)]]
CHANCE = [[(10, 0.2), (30, 0.4)], [(10, 0.3), (30, 0.5)]]


def four(**plan: Any) -> Results:
    bands = [BandFigures("exact", ("near", "far"), (0.5, 0.3 + 0.1 * s), (0.25,), 7) for s in (0, 1)]
    rows = {
        FULL: [figures(0, [(900, 0.8)])],
        "ours": [figures(seed, r, bands=bands[seed]) for seed, r in enumerate(OURS)],
        "chance": [figures(seed, r) for seed, r in enumerate(CHANCE)],
        "dear": [figures(1, [(100, 0.3), (200, None)])],
    }
    return results(rows, **({"reference": "chance", "full": {}} | plan))


def table(kind: str, of: list[str] | None = None, **plan: Any) -> Table:
    return KINDS[kind](TablePlan(kind=kind, rows=of), four(**plan))  # type: ignore[arg-type]


def line(found: Table, name: str) -> dict[str, Any]:
    (row,) = (row for row in found.rows if row[0] == name)
    cells = {}
    for head, cell in zip(found.head, row, strict=True):
        spread = cell.spread if isinstance(cell, Figure) else None
        cells[head] = ((spread.mean, spread.sd, spread.n) if spread else None) if isinstance(cell, Figure) else cell
    return cells


def test_rounds_tell_every_round_of_every_row() -> None:
    found = table("rounds")
    assert len(found.rows) == 1 + 3 + 2 + 2
    at = line(found, "ours, round 1")
    assert at["seeds"] == 2
    assert at["clicks"] == (20, 0, 2)
    assert at["mIoU, native truth"] == pytest.approx((35, statistics.stdev([40, 30]), 2))
    assert line(found, "dear, round 1")["mIoU, native truth"] is None


def test_classes_tell_both_deviations() -> None:
    found = table("classes", ["ours"])
    assert [row[0] for row in found.rows] == [FULL, "ours", "chance"]
    ours = line(found, "ours")
    assert ours["road"] == pytest.approx((45, statistics.stdev([40, 50]), 2))
    assert ours["rider & co"] is None
    assert ours["mIoU"] == pytest.approx((55, statistics.stdev([50, 60]), 2))
    assert ours["STD across classes"] == pytest.approx((statistics.pstdev([40, 60]), 0, 2))
    assert ours["spread across runs"][0] == pytest.approx(statistics.stdev([50, 60]))
    assert line(found, FULL)["spread across runs"] is None


def test_cycles_have_a_column_a_round() -> None:
    found = table("cycles", ["ours"])
    assert found.head == ("row", "seeds", "round 0", "round 1", "round 2", "clicks", "pixels labelled, %")
    assert line(found, "chance")["round 2"] is None
    assert line(found, "ours")["round 1"] == pytest.approx((35, statistics.stdev([40, 30]), 2))


def test_ablation_pairs_by_seed_with_its_first_row() -> None:
    found = table("ablation", ["ours", "dear"])
    assert [row[0] for row in found.rows] == [FULL, "ours", "dear", "chance"]
    assert line(found, "ours")["less ours"] is None
    assert line(found, "chance")["less ours"] == pytest.approx((-10, 0, 2))
    assert line(found, FULL)["less ours"] == pytest.approx((30, None, 1))
    assert line(found, "dear")["mIoU"] is None


def test_a_sweep_is_a_line_a_group() -> None:
    rows = [
        {"name": "ours", "preset": "default", "group": "a"},
        {"name": "dear", "preset": "default", "group": "a"},
        {"name": "chance", "preset": "default"},
    ]
    found = table("sweep", rows=rows)
    assert [row[:2] for row in found.rows] == [("ours", "a"), ("dear", "a"), ("chance", "chance")]
    assert line(found, "ours")["labelled at first, %"] == pytest.approx((10, 0, 2))
    assert "80.0" in found.note


def test_cost_leaves_out_what_simulates() -> None:
    ours = line(table("cost"), "ours")
    assert ours["person s"] == (60, 0, 2)
    assert ours["scoring s"] == (4.5, 0, 2)
    assert ours["machine s"] == pytest.approx((3 * 5.75, 0, 2))


def test_bands_show_what_was_measured() -> None:
    found = table("bands")
    assert [row[0] for row in found.rows] == ["ours"]
    assert line(found, "ours")["far"] == pytest.approx((35, statistics.stdev([30, 40]), 2))
    assert "7 classes" in found.note


def test_equal_cost_compares_and_says_where_it_cannot() -> None:
    found = table("equal-cost")
    ours = line(found, "ours, at equal clicks")
    assert ours["seeds that overlap"] == "2 of 2"
    # by hand: chance rises straight from 10 to 30, so at 20 it stands at 0.3 and 0.4
    gaps = [100 * (0 + 2 * 0.1 + 0.1) / 4, 100 * (0 - 2 * 0.1 + 0.1) / 4]
    assert ours["mean difference"] == pytest.approx((statistics.mean(gaps), statistics.stdev(gaps), 2))
    assert ours["difference at the end"] == pytest.approx((10, 0, 2))
    for name in (FULL, "dear"):
        assert line(found, f"{name}, at equal clicks")["mean difference"] == "no overlap"
    told = plain(four())["equal_cost"]["clicks"]
    assert told["dear"]["mean_difference"] == "no overlap"
    assert told["dear"]["by_seed"] == {"1": "no overlap"}
    assert told["ours"]["mean_difference"]["n"] == 2


def test_the_comparison_stands_without_being_asked_for() -> None:
    kinds = [found.kind for found in make_tables(four(tables=[{"kind": "cost"}]))]
    assert kinds == ["cost", "equal-cost"]
    assert [t.kind for t in make_tables(four(tables=[{"kind": "cost"}], reference=None))] == ["cost"]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("end", sorted(FORMATS))
def test_every_kind_in_every_format(kind: str, end: str) -> None:
    found = table(kind)
    text = FORMATS[end]([found])
    assert all(len(row) == len(found.head) for row in found.rows)
    names = [str(row[0]) for row in found.rows]
    assert end == "tex" or all(name in text for name in names)
    if end == "md":
        lines = [row for row in text.splitlines() if row.startswith("|")]
        assert {row.count("|") for row in lines} == {len(found.head) + 1}
        assert len(lines) == len(names) + 2
    elif end == "tex":
        body = [row for row in text.splitlines() if row.endswith(r"\\")]
        assert len(body) == len(names) + 1
        assert all(escape_latex(name) in text for name in names)
        assert {row.replace(r"\&", "").count("&") for row in body} == {len(found.head) - 1}
    else:
        read = list(csv.reader(io.StringIO(text)))
        assert read[0] == ["table", "row", "column", "value", "sd", "n"]
        assert len(read) == 1 + len(names) * (len(found.head) - 1)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"equal-cost", "bands", "by-round", "metrics", "noise"}))
def test_the_reference_stands_in_every_table(kind: str) -> None:
    found = table(kind, ["ours"])
    assert any(str(row[0]).startswith("chance") for row in found.rows)
    assert "seeds" in found.head


def test_signs_that_mean_something_are_escaped() -> None:
    odd = Table("x", "50 % | more", ("row", "a_b"), (("a|b & c_d", "50 %"), ("−1 ± 2", "x^2 ~ \\")))
    assert r"a\|b & c_d" in to_markdown(odd)
    text = to_latex(odd)
    assert r"a|b \& c\_d & 50 \% \\" in text
    assert r"$-$1 $\pm$ 2 & x\textasciicircum{}2 \textasciitilde{} \textbackslash{} \\" in text
    assert escape_latex("{#$}") == r"\{\#\$\}"
    assert list(csv.reader(io.StringIO(to_csv([odd]))))[1][1] == "a|b & c_d"
