"""Polygons against matplotlib's test of points."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path

from seglens.functional.polygons import fill_polygon


@pytest.mark.parametrize("seed", range(12))
def test_centres_inside_are_filled(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(5, 30, 2))
    angles = np.sort(rng.random(rng.integers(3, 12))) * 2 * np.pi
    radius = rng.uniform(1, 20, len(angles))  # a star: simple, often concave, some of it outside the image
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None] + [size[1] / 2, size[0] / 2]
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    expected = Path(np.concatenate([points, points[:1]]), closed=True).contains_points(
        np.stack([x, y], -1).reshape(-1, 2)
    )
    assert expected.any()
    assert np.array_equal(fill_polygon(points, size).ravel(), expected)


def test_polygons_that_touch_share_no_pixel_and_leave_none():
    left, right = [[0, 0], [2.5, 0], [2.5, 4], [0, 4]], [[2.5, 0], [6, 0], [6, 4], [2.5, 4]]
    filled = [fill_polygon(np.array(points), (4, 6)).astype(int) for points in (left, right)]
    assert (filled[0] + filled[1] == 1).all()
