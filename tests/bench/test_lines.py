"""Further drawings: levels, looks, deviations, noise."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from small import figures, results

from seglens.bench.axes import priced
from seglens.bench.lines import draw_lines, draw_noise, row_looks
from seglens.bench.plan import FULL, DrawingPlan, TablePlan
from seglens.bench.results import Results

ROWS = ("a", "b", "c", "d", "e", "chance")


def six() -> Results:
    found = {FULL: [figures(0, [(100, 0.8)])]}
    for number, row in enumerate(ROWS):
        found[row] = [figures(s, [(10, 0.2), (20, 0.3 + 0.01 * number + 0.02 * s)]) for s in (0, 1)]
    return results(found, full={}, reference="chance")


def texts(svg: bytes) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]


def test_levels_rows_and_axis_are_named() -> None:
    plan = DrawingPlan(title="Fig. 5", rows=("a", "b"), lines=("p90", "p95", "p100"), axis="clicks")
    svg = draw_lines(plan, six())
    said = texts(svg)
    assert {"Fig. 5", "a (2 seeds)", "b (2 seeds)", "clicks", "p90: 0.720", "p95: 0.760", "p100: 0.800"} <= set(said)
    assert "c (2 seeds)" not in said
    assert draw_lines(plan, six()) == svg


def test_few_rows_have_bands_and_many_have_bars() -> None:
    few = draw_lines(DrawingPlan(title="x", rows=ROWS[:4]), six())
    many = draw_lines(DrawingPlan(title="x", rows=ROWS), six())
    assert few.count(b"FillBetweenPolyCollection") == 4
    assert many.count(b"FillBetweenPolyCollection") == 0
    assert many.count(b'id="LineCollection') == len(ROWS)
    assert set(ROWS) <= set(texts(many))  # at their ends; a legend tells seeds
    assert "a (2 seeds)" in texts(few)


def test_a_dashed_row_has_the_colour_of_its_counterpart_and_the_reference_is_black() -> None:
    looks = row_looks(DrawingPlan(title="x", rows=("a", "b", "chance", "c", "d"), dashed=("c", "d")), "chance")
    assert looks["c"] == (looks["a"][0], True)
    assert looks["d"] == (looks["b"][0], True)
    assert looks["a"] != looks["b"]
    assert looks["chance"][0][0] == "#000000"
    assert len({look[0] for (look, _) in looks.values()}) == 3
    assert not looks["chance"][1]  # dashes mean something else here
    assert row_looks(DrawingPlan(title="x", rows=("a", "chance")), "chance")["chance"][1]


def test_rows_without_a_run_or_a_figure_are_left_out() -> None:
    found = results({"a": [figures(0, [(10, None)])]}, rows=[{"name": n, "preset": "default"} for n in ("a", "b")])
    assert "b (0 seeds)" not in texts(draw_lines(DrawingPlan(title="x", rows=("a", "b")), found))


@pytest.mark.parametrize(("seeds", "told"), [([0, 1, 2], "ours (2 seeds)"), ([1], "ours (1 seed)")])
def test_noise_draws_a_line_on_the_seeds_all_its_levels_have(seeds: list[int], told: str) -> None:
    rows = [{"name": "ours", "preset": "default"}, {"name": "20", "preset": "default", "group": "ours", "level": 20}]
    made = {"ours": [figures(s, [(10, 0.3 + s)]) for s in seeds], "20": [figures(s, [(10, 0.2)]) for s in (0, 1)]}
    said = texts(draw_noise(TablePlan(kind="noise", title="Fig. 7"), results(made, rows=rows)))
    assert {"Fig. 7", told, "wrong answers, %", "0", "20"} <= set(said)


def test_a_swept_price_moves_what_is_drawn_and_leaves_clicks_where_they_are() -> None:
    rounds = [(1500, 0.2), (3000, 0.3)]
    drawn = figures(0, rounds)
    drawn = replace(drawn, rounds=tuple(replace(r, vertices=1000.0 * (n + 1)) for n, r in enumerate(drawn.rounds)))
    by_click = figures(0, rounds)
    unknown = replace(by_click, rounds=tuple(replace(r, vertices=None) for r in by_click.rounds))
    last = drawn.rounds[-1]
    assert priced(0.9).of(last) == pytest.approx((1000 * 2.4 + 2000 * 0.9) / 3600)
    assert priced(1.8).of(last) == pytest.approx((1000 * 2.4 + 2000 * 1.8) / 3600)
    assert priced(1.8).of(by_click.rounds[-1]) == priced(0.45).of(by_click.rounds[-1]) == pytest.approx(2.0)
    found = results({"clicked": [by_click], "drawn": [drawn], "unknown": [unknown]})
    plan = DrawingPlan(title="x", rows=("clicked", "drawn", "unknown"), axis="seconds", vertex_seconds=(0.9, 1.8))
    said = texts(draw_lines(plan, found))
    assert {"person hours, 0.9 s a vertex", "person hours, 1.8 s a vertex", "drawn (1 seed)"} <= set(said)
    assert "unknown (1 seed)" not in said
    with pytest.raises(ValueError, match="vertex_seconds: they are of axis 'seconds'; found axis 'clicks'"):
        DrawingPlan(title="x", rows=("a",), axis="clicks", vertex_seconds=(1.0,))
