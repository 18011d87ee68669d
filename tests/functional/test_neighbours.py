from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from seglens.functional import neighbours
from seglens.functional.neighbours import balls, mean_distance, purity_radius, unit

POINTS = np.random.default_rng(0).normal(size=(90, 4))
CLUSTER = (POINTS[:, 0] > 0.3).astype(int) + (POINTS[:, 1] > 0)


@pytest.fixture(params=[100, 1 << 22], autouse=True)
def _blocks(request, monkeypatch):
    """One row at a time, and all at once."""
    monkeypatch.setattr(neighbours, "BLOCK", request.param)


def test_the_mean_distance_is_that_of_another_implementation():
    found = NearestNeighbors(n_neighbors=8).fit(POINTS).kneighbors(POINTS)[0][:, 1:]
    np.testing.assert_allclose(mean_distance(POINTS, 7), found.mean(1), atol=1e-6)
    np.testing.assert_allclose(mean_distance(POINTS[:3], 20), cdist(POINTS[:3], POINTS[:3]).sum(1) / 2, atol=1e-6)
    assert mean_distance(POINTS[:1], 20).tolist() == [0]


@pytest.mark.parametrize("purity", [0.5, 0.95, 1.0])
def test_the_purity_radius_is_the_largest_that_is_pure_enough(purity):
    radius = purity_radius(POINTS, CLUSTER, purity)
    distance = cdist(POINTS, POINTS)

    def pure(radius):
        return np.mean([(CLUSTER[row < radius] == c).all() for row, c in zip(distance, CLUSTER, strict=True)])

    assert pure(radius - 1e-6) >= purity
    assert pure(radius + 1e-6) < purity


def test_one_cluster_is_pure_at_any_radius():
    assert purity_radius(POINTS, np.zeros(90, int), 0.95) == np.inf


def test_balls_are_open_symmetric_and_hold_their_middle():
    near = balls(POINTS, 1.0)
    assert np.array_equal(near, cdist(POINTS, POINTS) < 1.0)
    assert np.array_equal(balls(POINTS, 0.0), np.eye(90, dtype=bool))
    assert balls(POINTS, np.inf).all()


def test_unit_leaves_zero_alone():
    found = unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float16))
    assert found.tolist() == [[0.6, 0.8], [0.0, 0.0]]
