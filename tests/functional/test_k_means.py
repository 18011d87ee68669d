from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from seglens.functional.k_means import k_means, plus_plus


def blobs(groups=6, each=40, seed=0):
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(groups, 5)) * 10
    truth = np.repeat(np.arange(groups), each)
    return middles[truth] + rng.normal(size=(len(truth), 5)), truth


def inertia(points, cluster):
    return sum(((points[cluster == c] - points[cluster == c].mean(0)) ** 2).sum() for c in set(cluster.tolist()))


def test_it_finds_the_groups_that_are_there():
    points, truth = blobs()
    theirs = KMeans(6, n_init=10, random_state=0).fit(points)
    found = k_means(points, 6, np.random.default_rng(1))
    assert adjusted_rand_score(truth, found) == 1
    assert inertia(points, found) == pytest.approx(theirs.inertia_)


def test_without_groups_it_is_about_as_tight_as_another_implementation():
    points = np.random.default_rng(0).normal(size=(400, 3))
    theirs = KMeans(8, n_init=1, random_state=0).fit(points)
    assert inertia(points, k_means(points, 8, np.random.default_rng(0))) < 1.1 * theirs.inertia_


def test_numbers_are_dense_where_points_are_few_or_equal():
    rng = np.random.default_rng(0)
    assert k_means(np.zeros((7, 2)), 3, rng).tolist() == [0] * 7
    assert sorted(k_means(np.array([[0.0], [5.0], [9.0]]), 10, rng).tolist()) == [0, 1, 2]
    assert k_means(np.zeros((0, 2)), 3, rng).shape == (0,)
    found = k_means(np.random.default_rng(1).normal(size=(50, 2)), 20, rng)
    assert set(found.tolist()) == set(range(found.max() + 1))


def test_plus_plus_draws_by_squared_distance():
    points = np.array([[0.0], [1.0], [3.0]])

    def squared(place):
        return ((points - points[place]) ** 2).sum(1)

    drawn = Counter(list(islice(plus_plus(squared, 0, np.random.default_rng(s)), 2))[1] for s in range(2000))
    assert drawn[2] / 2000 == pytest.approx(0.9, abs=0.03)  # 9 of 1 + 9
    assert sorted(plus_plus(squared, 0, np.random.default_rng(0))) == [0, 1, 2]


def test_plus_plus_ends_when_every_point_is_covered():
    points = np.array([[0.0], [0.0], [2.0], [2.0]])
    found = list(plus_plus(lambda place: ((points - points[place]) ** 2).sum(1), 1, np.random.default_rng(0)))
    assert len(found) == 2
    assert found[1] in (2, 3)
