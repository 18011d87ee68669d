"""The ground: what lies where, along and across the road."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seglens.data.streets.labels import Label
from seglens.data.streets.road import Ground, Road, ground_paints
from seglens.types import Chance

PLAIN = Road(5.0, 300.0, 0.4, 1, False, 2.0, 1.0, (), (), False, 0.0)


def _kinds(road: Road, s: list[float], t: float = 10.0) -> list[int]:
    return road.ground(np.array(s), np.full(len(s), t)).tolist()


def test_from_the_middle_outward() -> None:
    assert PLAIN.half == pytest.approx(3.7)
    found = _kinds(PLAIN, [0.0, 1.5, 3.3, 3.6, 3.8, 4.2, 5.5, 9.0])
    kinds = [
        Ground.MARK,
        Ground.ROAD,
        Ground.MARK,
        Ground.ROAD,
        Ground.KERB,
        Ground.VERGE,
        Ground.PAVING,
        Ground.BEYOND,
    ]
    assert found == kinds
    assert found == _kinds(PLAIN, [0.0, -1.5, -3.3, -3.6, -3.8, -4.2, -5.5, -9.0])


def test_a_crossing_is_road_to_both_sides_without_marks() -> None:
    road = replace(PLAIN, crossings=((20.0, 30.0),))
    assert _kinds(road, [-50.0, 0.0, 50.0], 25.0) == [Ground.ROAD] * 3
    assert road.crossed(29.0, 40.0)
    assert not road.crossed(30.5, 40.0)


def test_a_zebra_has_bars() -> None:
    road = replace(PLAIN, zebras=((12.0, 15.0),))
    bars = np.array(_kinds(road, np.arange(-3, 3, 0.05).tolist(), 13.0)) == Ground.MARK
    assert 0.4 < bars.mean() < 0.6


def test_the_heading_is_the_slope_of_the_middle() -> None:
    t = np.linspace(0, 250, 40)
    slope = (PLAIN.middle(t + 1e-4) - PLAIN.middle(t - 1e-4)) / 2e-4
    assert np.tan(PLAIN.heading(t)) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("green", [True, False])
def test_every_kind_of_ground_has_its_class(green: bool) -> None:
    paints = ground_paints(Chance(("ground",)).numpy(), green)
    assert len(paints) == len(Ground)
    assert paints[Ground.SKY].label == Label.SKY
    assert paints[Ground.MARK].label == paints[Ground.ROAD].label == Label.ROAD
    assert paints[Ground.BEYOND].label == (Label.TERRAIN if green else Label.SIDEWALK)
