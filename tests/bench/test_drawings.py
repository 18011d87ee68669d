"""Curves: every run on every axis, thin seeds, a log axis only where budgets are geometric."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression
from small import figures, results

from seglens.bench.drawings import draw_curves, draw_sweep, row_looks
from seglens.bench.panels import row_look, spaced
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results


def drawn(runs: dict[str, list[list[tuple[float, float | None]]]], **plan: Any) -> Results:
    made = {name: [figures(seed, run) for seed, run in enumerate(of_row)] for name, of_row in runs.items()}
    return results(made, **plan)


def texts(svg: bytes) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]


STEADY = [[(10.0, 0.2), (20.0, 0.3), (30.0, 0.5)], [(10.0, 0.3), (20.0, 0.4), (30.0, 0.4)]]


def test_curves_name_rows_axes_and_full_supervision() -> None:
    found = drawn({FULL: [[(900.0, 0.8)]], "ours": STEADY, "chance": STEADY[:1]}, full={}, reference="chance")
    svg = draw_curves(found)
    said = texts(svg)
    for word in ("ours (2 seeds)", "chance (1 seed)", FULL, "clicks", "pixels labelled, %", "mIoU, native truth"):
        assert word in said
    assert draw_curves(found) == svg


def test_each_seed_is_a_thin_line_beside_the_mean() -> None:
    two = draw_curves(drawn({"ours": STEADY}, axes=["clicks"]))
    one = draw_curves(drawn({"ours": STEADY[:1]}, axes=["clicks"]))
    assert two.count(b"stroke-opacity: 0.35") == 2
    assert one.count(b"stroke-opacity: 0.35") == 0


def test_the_axis_is_logarithmic_only_for_geometric_budgets() -> None:
    doubling = [[(10.0 * 2**r, 0.1 * r) for r in range(5)]]
    ticks = texts(draw_curves(drawn({"ours": doubling}, axes=["clicks"])))
    assert "100" in ticks
    assert "0" not in ticks
    assert "0" in texts(draw_curves(drawn({"ours": STEADY}, axes=["clicks"])))
    mixed = {"ours": STEADY, "doubling": doubling}
    assert "0" in texts(draw_curves(drawn(mixed, axes=["clicks"])))


def test_a_row_far_beyond_the_reference_is_told_in_words() -> None:
    rows = {"chance": STEADY, "images": [[(500.0, 0.2), (900.0, 0.5)]]}
    said = " ".join(texts(draw_curves(drawn(rows, reference="chance", axes=["clicks"]))))
    assert "images: 500 to 900" in said


def test_a_sweep_draws_a_line_a_group() -> None:
    rows = [{"name": n, "preset": "default", "group": g} for n, g in (("a5", "a"), ("a9", "a"), ("b", "b"))]
    runs = dict.fromkeys(("a5", "a9", "b"), STEADY)
    said = texts(draw_sweep(TablePlan(kind="sweep"), drawn(runs, rows=rows)))
    assert {"a", "b", "pixels labelled in round 0, %"} <= set(said)
    assert "a5" not in said


def test_runs_without_a_figure_leave_an_empty_picture() -> None:
    assert draw_curves(drawn({"ours": [[(10.0, None)]]}))


def many(count: int = 13, **plan: Any) -> Results:
    rows = {f"row {n}": [[(10, 0.2), (20, 0.3 + 0.001 * n)] for _ in range(2)] for n in range(count)}
    return drawn({FULL: [[(900, 0.8)]], "chance": STEADY} | rows, full={}, reference="chance", **plan)


def test_many_rows_have_their_names_at_their_ends_on_each_axis() -> None:
    svg = draw_curves(many(axes=["clicks", "pixels", "seconds"]))
    said = texts(svg)
    for name in ("chance", FULL, *(f"row {n}" for n in range(13))):
        assert said.count(name) == 3
    assert not [text for text in said if "seeds)" in text]  # no legend; all have two
    assert svg.count(b"stroke-opacity: 0.35") == 0
    assert {"clicks", "pixels labelled, %", "simulated person hours"} <= set(said)
    uneven = many(5)
    uneven.rows["row 0"].pop()  # type: ignore[attr-defined]
    assert {"row 0 (1 seed)", "row 1 (2 seeds)"} <= set(texts(draw_curves(uneven)))


def test_the_reference_is_black_and_dashed_and_looks_differ() -> None:
    looks = row_looks(["a", "chance", "b"], "chance")
    assert looks == {"a": row_look(0), "chance": ("#000000", "x"), "b": row_look(1)}
    assert len({row_look(n) for n in range(24)}) == 24
    assert all(row_look(n)[0] != "#000000" for n in range(24))
    svg = draw_curves(drawn({"ours": STEADY, "chance": STEADY}, reference="chance", axes=["clicks"])).decode()
    assert "stroke-dasharray" in svg
    assert "stroke-dasharray" not in draw_curves(drawn({"ours": STEADY}, axes=["clicks"])).decode()


@pytest.mark.parametrize("seed", range(6))
def test_names_are_moved_as_little_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.normal(0.5, 0.2, 9).clip(0, 1)
    found = np.array(spaced(places.tolist(), 0.08, 0.0, 1.0))
    order = np.argsort(places)
    assert (np.diff(found[order]) >= 0.08 - 1e-9).all()
    assert found.min() >= 0
    assert found.max() <= 1
    steps = 0.08 * np.arange(9)
    best = isotonic_regression(places[order] - steps, y_min=0, y_max=1 - steps[-1]) + steps
    np.testing.assert_allclose(found[order], best)


def test_names_that_do_not_fit_stand_closer() -> None:
    assert spaced([0.5] * 5, 0.4, 0.0, 1.0) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert spaced([0.3], 0.4, 0.0, 1.0) == [0.3]
    assert spaced([], 0.4, 0.0, 1.0) == []
