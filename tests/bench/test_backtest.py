from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small import figures

from seglens.bench.backtest import left_out, quantiles, score, tell
from seglens.bench.sources import Source, read_source
from seglens.functional.forecast import QUANTILES, expected
from seglens.types import SeglensError

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
CURVE = [(100.0, 0.2), (200.0, 0.3), (300.0, 0.36), (500.0, 0.38)]


def source(name: str = "f", **rows: list[tuple[float, float | None]]) -> Source:
    return Source(name, {row: (figures(0, curve),) for row, curve in rows.items()}, ("a", "b", "c"), 1)


def test_a_round_is_told_from_those_before_it() -> None:
    first, second = tell([source(a=[*CURVE])])
    assert (first.file, first.row, first.truth, second.truth) == ("f", "a", 0.36, 0.38)
    assert (first.trend, second.trend) == (pytest.approx(0.4), pytest.approx(0.36 + 2 * 0.06))
    assert (first.last, second.last) == (0.3, 0.36)
    spent, miou = np.array(CURVE[:3]).T
    assert second.expected == expected(spent, miou, np.array([500.0]))[0]
    (far,) = tell([source(a=[*CURVE])], steps=2)
    assert (far.truth, far.trend) == (0.38, pytest.approx(0.6))
    assert tell([source(a=[(100.0, 0.2), (200.0, None), (200.0, 0.3), (200.0, 0.4)])]) == []


def test_the_quantiles_for_a_preset_know_nothing_of_it() -> None:
    wild = [(spent, 1 - miou) for spent, miou in CURVE]
    points = tell([source("f", a=[*CURVE], b=[*wild]), source("g", a=[*CURVE])])
    ends = left_out(points, lambda one: one.preset)
    of_a, of_b = ([one for one in points if one.row == row] for row in "ab")
    assert ends(of_a[0]) == quantiles(of_b)
    assert ends(of_b[0]) == quantiles(of_a)
    with pytest.raises(SeglensError, match="three measured rounds"):
        left_out(of_a, lambda one: one.preset)


def test_a_score_counts_what_lies_inside() -> None:
    points = tell([source(a=[*CURVE])])
    first, second = sorted(points, key=lambda one: one.strayed)
    found = score(points, lambda one: (first.strayed, (first.strayed + second.strayed) / 2))
    assert (found.coverage, found.points) == (0.5, 2)
    assert found.mae == pytest.approx(np.mean([abs(one.truth - one.expected) for one in points]))
    assert found.mae_trend == pytest.approx(np.mean([abs(one.truth - one.trend) for one in points]))


def test_our_own_curves_are_told_better_than_by_their_trend() -> None:
    presets = {one.preset for one in tell([read_source(str(RESULTS / "segxal.json"))])}
    assert presets >= {"segxal-manual", "entropy-image"}
    points = tell(
        [read_source(str(RESULTS / f"{name}.json")) for name in ("camvid", "segxal-streets", "demo", "segxal")]
    )
    for ends in (left_out(points, lambda one: one.preset), lambda one: QUANTILES):
        found = score(points, ends)
        assert found.points > 100
        assert 0.7 <= found.coverage <= 0.9
        assert found.mae < 0.7 * found.mae_trend
