"""Rare classes, calibration, questions and prices, worked out again by hand."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

import numpy as np
import pytest
from small import figures, results
from test_kinds import line

from seglens.bench.figures import RoundFigures, RunFigures
from seglens.bench.kinds import KINDS
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.prices import Need, break_even, changes, need
from seglens.bench.quality import rarest
from seglens.bench.table import Table, to_csv


def changed(run: RunFigures, number: int, **values: Any) -> RunFigures:
    """A run with figures of a round replaced."""
    rounds = list(run.rounds)
    rounds[number] = dataclasses.replace(rounds[number], **values)
    return dataclasses.replace(run, rounds=tuple(rounds))


def made(kind: str, found: dict[str, list[RunFigures]], table: dict[str, Any] | None = None, **plan: Any) -> Table:
    return KINDS[kind](TablePlan(kind=kind, **(table or {})), results(found, **plan))  # type: ignore[arg-type]


def test_rare_classes_are_named_and_paired() -> None:
    shares = (0.7, 0.3, 0.0)  # the third never occurs
    runs = {
        row: [
            changed(
                dataclasses.replace(figures(s, [(10, 0.4)]), truth_share=shares), 0, more={"rare_miou": rare + 0.01 * s}
            )
            for s in (0, 1)
        ]
        for row, rare in (("ours", 0.3), ("chance", 0.2))
    }
    found = made("rare", runs, reference="chance")
    assert found.head[:6] == ("row", "seeds", "mIoU", "mIoU of the rare", "car", "road")
    ours = line(found, "ours")
    assert ours["mIoU of the rare"] == pytest.approx((30.5, statistics.stdev([30, 31]), 2))
    assert (ours["car"][0], ours["road"][0]) == (pytest.approx(50), pytest.approx(30))
    assert ours["less chance"] == pytest.approx((10, 0, 2), abs=1e-9)
    assert line(found, "chance")["less chance"] is None


def test_the_rarest_classes_of_many() -> None:
    share = (0.5, 0.01, 0.2, 0.0, 0.04, 0.1, 0.05, 0.1)
    run = dataclasses.replace(figures(0, [(10, 0.4)]), truth_share=share)
    assert rarest([figures(1, [(10, 0.4)]), run]) == [1, 4, 6, 5, 7]
    assert rarest([]) == []


def test_calibration_has_both_signs() -> None:
    more = {"ece": 0.12, "overconfidence": -0.05, "boundary_iou": 0.31}
    found = made("calibration", {"ours": [changed(figures(0, [(5, 0.3), (10, 0.4)]), 1, more=more)]})
    ours = line(found, "ours")
    assert ours["ECE"] == (12, None, 1)
    assert ours["confidence less accuracy"] == (-5, None, 1)
    assert ours["boundary IoU"] == (31, None, 1)
    assert "15 bins" in found.note


def test_queries_tell_each_round_and_what_was_predicted() -> None:
    first = {"round_images": 6.0, "image_most": 2.0, "image_gini": 0.1, "asked_boundary": 0.2, "label_noise": 0.05}
    runs = []
    for s in (0, 1):
        run = changed(figures(s, [(5, 0.3), (10, 0.4)]), 0, more=first, answered=(0.5, 0.5, 0.0))
        runs.append(
            changed(run, 1, more=first | {"label_noise": 0.1 * s}, answered=(0.1, 0.3, 0.6), asked=(s, 0, 1 - s))
        )
    found = made("queries", {"ours": runs})
    assert [row[0] for row in found.rows] == ["ours, round 0", "ours, round 1", "ours, round 1, as predicted"]
    second = line(found, "ours, round 1")
    assert second["label noise, %"] == pytest.approx((5, statistics.stdev([0, 10]), 2))
    assert (second["images"], second["Gini"]) == ((6, 0, 2), pytest.approx((0.1, 0, 2)))
    assert second["rider & co, %"] == pytest.approx((60, 0, 2))
    seen = line(found, "ours, round 1, as predicted")
    assert seen["road, %"] == pytest.approx((50, statistics.stdev([0, 100]), 2))
    assert seen["images"] == "–"
    assert "label noise" in to_csv([found])


def drawing(rounds: list[tuple[float, float, float]]) -> list[RunFigures]:
    """Two seeds of (clicks, vertices of them, mIoU) by round."""
    made = []
    for s in (0, 1):
        run = figures(s, [(clicks, miou) for clicks, _, miou in rounds], answer="dense")
        for number, (_, vertices, _) in enumerate(rounds):
            run = changed(run, number, vertices=vertices)
        made.append(run)
    return made


PRICED = {
    FULL: [figures(0, [(9000, 0.5)])],
    "click": [figures(s, [(1000, 0.2), (2000, 0.6)]) for s in (0, 1)],
    "draw": drawing([(1500, 1200, 0.3), (2500, 2100, 0.5)]),
    "weak": [figures(s, [(1000, 0.2), (2000, 0.4)]) for s in (0, 1)],
}


def test_prices_put_clicks_into_hours_and_rank_them() -> None:
    prices = {"click_seconds": (2.0,), "vertex_seconds": (0.5, 1.0, 3.0), "at": (0.45,)}
    found = made("prices", PRICED, prices, full={})
    click, draw = (line(found, f"{row}, 90 % of full supervision (45.0)") for row in ("click", "draw"))
    assert (click["clicks"][0], click["vertices"][0]) == (pytest.approx(1625), 0)
    assert (draw["clicks"][0], draw["vertices"][0]) == (pytest.approx(375), pytest.approx(1875))
    for vertex in (0.5, 1.0, 3.0):
        hours = {"click": 1625 * 2 / 3600, "draw": (375 * 2 + 1875 * vertex) / 3600}
        for row, at in (("click", click), ("draw", draw)):
            rank = 1 + (hours[row] > min(hours.values()))
            assert at[f"click 2 s, vertex {vertex:g} s"] == f"{rank}: {hours[row]:.2f} h"
    assert line(found, "weak, mIoU 45.0")["clicks"] == "not reached"
    assert f"click and draw at {(1625 - 375) / 1875:.2f} clicks a vertex" in found.note


def test_the_order_turns_where_both_take_as_long() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        one, other = (Need(*rng.uniform(0, 100, 2)) for _ in range(2))
        turn = break_even(one, other)
        signs = {np.sign(one.seconds((1, v)) - other.seconds((1, v))) for v in np.linspace(1e-6, 2000, 20001)}
        if turn is None:
            assert len(signs) == 1
        else:
            assert one.seconds((1, turn)) == pytest.approx(other.seconds((1, turn)))
            assert turn > 2000 or len(signs) > 1
    assert changes({"a": Need(9, 0), "b": Need(8, 0)}, [(1, 1), (2, 1)]) == []


def test_prices_that_cannot_be_told_apart_have_no_need() -> None:
    runs = [changed(figures(0, [(10, 0.2), (20, 0.4)]), 0, vertices=None)]
    assert need(runs, 0.3) is None
    rounds: tuple[RoundFigures, ...] = figures(0, [(10, 0.2), (20, 0.4)]).rounds
    assert rounds[0].vertices == 0
    assert need([figures(0, [(10, 0.2), (20, 0.4)])], 0.3) == Need(15, 0)
