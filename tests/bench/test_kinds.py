"""Every kind of table, on figures made up by hand and worked out again here."""

from __future__ import annotations

import csv
import dataclasses
import io
import statistics
from typing import Any

import pytest
from scipy import stats
from small import figures, results

from seglens.bench.figures import BandFigures, RunFigures
from seglens.bench.kinds import KINDS, make_tables
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results, plain
from seglens.bench.table import FORMATS, Figure, Range, Table, escape_latex, to_csv, to_latex, to_markdown

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
    assert line(found, "chance")["verdict"] == "no verdict"


TEN = tuple(range(10))
GAINS = (0.010, 0.020, 0.015, 0.012, 0.018, 0.011, 0.022, 0.009, 0.016, 0.014)


def ten(**plan: Any) -> Results:
    """Ten seeds: 'whole' is better than 'part' after round 1, not after round 0; 'same' is 'part' again."""
    part = {s: 0.3 + 0.01 * s for s in TEN}
    rows = {
        "whole": [figures(s, [(10, 0.2 + (-1) ** s * 0.01), (20, part[s] + GAINS[s])]) for s in TEN],
        "part": [figures(s, [(10, 0.2), (20, part[s])]) for s in TEN],
        "same": [figures(s, [(10, 0.2), (20, part[s])]) for s in TEN],
    }
    return results(rows, **plan)


def test_an_ablation_of_ten_seeds_says_better_or_worse() -> None:
    found = KINDS["ablation"](TablePlan(kind="ablation", rows=("part", "whole", "same")), ten())
    whole = line(found, "whole")
    low, high = stats.ttest_1samp([100 * gain for gain in GAINS], 0).confidence_interval(0.95)
    told = whole["95 % interval"]
    assert isinstance(told, Range)
    assert (told.low, told.high) == pytest.approx((low, high))
    assert told.words("-") == f"{low:+.2f} to {high:+.2f}"
    assert whole["verdict"] == "better"
    assert line(found, "same")["verdict"] == "no verdict"
    assert line(found, "same")["95 % interval"] == Range(None, None)
    other = KINDS["ablation"](TablePlan(kind="ablation", rows=("whole", "part")), ten())
    assert line(other, "part")["verdict"] == "worse"


def test_equal_cost_has_interval_and_verdict() -> None:
    made = ten(reference="part", axes=["clicks"])
    whole = line(KINDS["equal-cost"](TablePlan(kind="equal-cost"), made), "whole, at equal clicks")
    means = [((-1) ** s * 0.01 + GAINS[s]) / 2 for s in TEN]
    low, high = stats.ttest_1samp([100 * mean for mean in means], 0).confidence_interval(0.95)
    assert (whole["95 % interval"].low, whole["95 % interval"].high) == pytest.approx((low, high))
    assert whole["verdict"] == ("better" if low > 0 else "no verdict")
    told = plain(made)["equal_cost"]["clicks"]
    assert told["whole"]["interval"]["low"] == pytest.approx(low / 100)
    assert told["same"]["interval"]["verdict"] == "no verdict"


def test_by_round_pairs_each_round() -> None:
    found = KINDS["by-round"](TablePlan(kind="by-round", rows=("whole", "part"), against="part"), ten())
    assert [row[0] for row in found.rows] == ["whole, round 0", "whole, round 1"]
    first, second = line(found, "whole, round 0"), line(found, "whole, round 1")
    assert first["less part"] == pytest.approx((0, statistics.stdev([1, -1] * 5), 10))
    assert first["verdict"] == "no verdict"
    assert second["less part"] == pytest.approx((statistics.mean(GAINS) * 100, 100 * statistics.stdev(GAINS), 10))
    assert second["verdict"] == "better"
    shorter = table("by-round", ["ours", "dear"])  # against the reference, which has two rounds and no clicks of dear's
    assert [row[0] for row in shorter.rows] == [
        *(f"ours, round {n}" for n in range(3)),
        "dear, round 0",
        "dear, round 1",
    ]
    assert line(shorter, "ours, round 2")["less chance"] is None
    assert line(shorter, "ours, round 1")["seeds"] == 2


def test_reach_is_the_first_crossing_of_each_seed() -> None:
    found = KINDS["reach"](TablePlan(kind="reach", at=(0.45, 0.9)), four())
    # 90 % of 0.8 is 0.72: nobody
    ours = line(found, "ours, 90 % of full supervision (72.0)")
    assert (ours["seeds that reach it"], ours["pixels labelled, %"], ours["clicks"]) == (
        "0 of 2",
        "not reached",
        "not reached",
    )
    assert ours["best mIoU"] == pytest.approx((55, statistics.stdev([50, 60]), 2))
    # 0.4 to 0.5 over 20 to 30; 0.3 to 0.6 over 20 to 30
    ours = line(found, "ours, mIoU 45.0")
    assert ours["clicks"] == pytest.approx((25, 0, 2))
    assert ours["pixels labelled, %"] == pytest.approx((25, 0, 2))
    chance = line(found, "chance, mIoU 45.0")
    assert chance["seeds that reach it"] == "1 of 2"
    assert chance["clicks"] == pytest.approx((25, None, 1))
    assert chance["best mIoU"] == pytest.approx((45, statistics.stdev([40, 50]), 2))
    assert line(found, "dear, mIoU 90.0")["clicks"] == "not reached"
    assert not any(str(row[0]).startswith(FULL) for row in found.rows)


def test_metrics_by_round_leave_a_dash_where_nothing_is() -> None:
    first = figures(0, [(10, 0.2), (20, 0.3)])
    rounds = (first.rounds[0], dataclasses.replace(first.rounds[1], more={"divergence": 0.25}))
    made = results({"ours": [dataclasses.replace(first, rounds=rounds)]})
    plan = TablePlan(kind="metrics", metrics=("divergence", "extended_precision"))
    found = KINDS["metrics"](plan, made)
    assert line(found, "ours, divergence") == {
        "row": "ours, divergence",
        "seeds": 1,
        "round 0": None,
        "round 1": (0.25, None, 1),
    }
    assert "| ours, extended_precision | 1 | – | – |" in to_markdown(found)


NOISE_ROWS = [
    {"name": "ours", "preset": "default"},
    {"name": "ours 40", "preset": "default", "group": "ours", "level": 40},
    {"name": "ours 20", "preset": "default", "group": "ours", "level": 20},
    {"name": "other", "preset": "default"},
    {"name": "other 20", "preset": "default", "group": "other", "level": 20},
    {"name": "swept", "preset": "default", "group": "other"},
]


def test_noise_is_a_line_by_level_with_its_drop() -> None:
    last = {"ours": 0.6, "ours 40": 0.4, "ours 20": 0.55, "other": 0.5, "other 20": 0.4, "swept": 0.1}
    made = {name: [figures(s, [(10, value + 0.01 * s)]) for s in (0, 1)] for name, value in last.items()}
    made["ours"].append(figures(2, [(10, 0.9)]))
    found = KINDS["noise"](TablePlan(kind="noise", against="other"), results(made, rows=NOISE_ROWS))
    assert [row[:3] for row in found.rows] == [
        ("ours", "ours", "0"),
        ("ours 20", "ours", "20"),
        ("ours 40", "ours", "40"),
        ("other", "other", "0"),
        ("other 20", "other", "20"),
    ]
    dropped = line(found, "ours 20")
    assert dropped["less its own at 0 %"] == pytest.approx((-5, 0, 2), abs=1e-9)
    assert dropped["less other at the same level"] == pytest.approx((15, 0, 2), abs=1e-9)
    assert line(found, "ours 40")["less other at the same level"] is None
    assert line(found, "ours")["less its own at 0 %"] is None
    assert line(found, "other 20")["less its own at 0 %"] == pytest.approx((-10, 0, 2), abs=1e-9)
    swept = KINDS["sweep"](TablePlan(kind="sweep"), results(made, rows=NOISE_ROWS))
    assert [row[0] for row in swept.rows] == ["swept"]


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
    assert ours["choosing, s an iteration"] == pytest.approx((1.5, 0, 2))


def test_cost_saved_is_paired_and_leaves_out_round_0() -> None:
    def timed(seed: int, seconds: float) -> RunFigures:
        run = figures(seed, [(10, 0.2), (20, 0.3), (30, 0.3)])
        slow = [dataclasses.replace(r, seconds={"narrow": 1, "score": seconds, "train": 50}) for r in run.rounds[1:]]
        return dataclasses.replace(run, rounds=(run.rounds[0], *slow))

    made = results({"fast": [timed(0, 1), timed(1, 3)], "slow": [timed(0, 7), timed(1, 9), timed(2, 1)]})
    found = KINDS["cost"](TablePlan(kind="cost", against="slow"), made)
    assert line(found, "fast")["choosing, s an iteration"] == pytest.approx((3, statistics.stdev([2, 4]), 2))
    assert line(found, "fast")["saved against slow, %"] == pytest.approx((67.5, statistics.stdev([75, 60]), 2))
    assert line(found, "slow")["saved against slow, %"] is None


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


OTHERS = {"equal-cost", "bands", "by-round", "metrics", "noise", "against"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - OTHERS))
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
