"""Shadows against scipy's hull and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from seglens.data.streets.camera import Camera
from seglens.data.streets.frame import _world
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Paint, Thing, compile_mesh
from seglens.data.streets.shadow import _hull, shadows


@pytest.mark.parametrize("seed", range(8))
def test_the_hull_agrees_with_scipy(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(9, 2))
    mine = _hull(points)
    reference = points[ConvexHull(points).vertices]
    assert sorted(map(tuple, mine.tolist())) == sorted(map(tuple, reference.tolist()))


def test_a_box_throws_its_shadow_away_from_the_sun() -> None:
    world = _world(0, "stage", 0)
    thing = Thing(0.0, 15.0, shadow=(1.0, 1.0, 3.0))
    thing.box((-1, 1), (0, 3), (-1, 1), Paint((0.5, 0.5, 0.5), Label.CAR))
    sun = (-np.sqrt(0.5), np.sqrt(0.5), 0.0)  # low at the left: the shadow falls 3 m to the right
    weather = replace(world.weather, sun=sun, sunlight=(0.9, 0.9, 0.9))
    world = replace(world, mesh=compile_mesh([thing]), weather=weather)
    camera = Camera(0.0, 0.0, 1.5, 0.0, 200.0, 50.0, (100, 200))
    dark = shadows(world, np.array([[0.0, 15.0, 0.0, 15.0]]), camera)
    row = round(50 + 200 * 1.5 / 15)
    columns = np.flatnonzero(dark[row])
    assert (columns.min(), columns.max()) == pytest.approx((100 - 200 / 15, 100 + 200 * 4 / 15), abs=2)


def test_without_sun_only_the_foot_is_dark() -> None:
    world = _world(0, "stage", 0)
    thing = Thing(0.0, 15.0, shadow=(1.0, 1.0, 3.0))
    thing.box((-1, 1), (0, 3), (-1, 1), Paint((0.5, 0.5, 0.5), Label.CAR))
    world = replace(world, mesh=compile_mesh([thing]), weather=replace(world.weather, sunlight=(0.05, 0.05, 0.05)))
    dark = shadows(world, np.array([[0.0, 15.0, 0.0, 15.0]]), Camera(0.0, 0.0, 1.5, 0.0, 200.0, 50.0, (100, 200)))
    assert 0 < dark.max() < 0.5
