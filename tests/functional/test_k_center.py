from __future__ import annotations

import time

import numpy as np
import pytest

from seglens.functional.k_center import k_center


def brute_force(points, k, labelled):
    centres = list(labelled)
    picked = []
    for _ in range(k):
        if not centres:
            distance = -np.linalg.norm(points - points.mean(0), axis=1)
        else:
            distance = np.linalg.norm(points[:, None] - np.array(centres)[None], axis=2).min(1)
        distance[picked] = -np.inf
        picked.append(int(distance.argmax()))
        centres.append(points[picked[-1]])
    return picked


@pytest.mark.parametrize("count", [0, 1, 5])
def test_equals_brute_force(count):
    rng = np.random.default_rng(count)
    points, labelled = rng.normal(size=(60, 4)), rng.normal(size=(count, 4))
    assert k_center(points, 20, labelled).tolist() == brute_force(points, 20, labelled)


def test_never_one_twice_even_among_equal_points():
    points = np.zeros((9, 2))
    assert sorted(k_center(points, 20)) == list(range(9))
    assert sorted(k_center(points, 9, np.zeros((1, 2)))) == list(range(9))


def test_begins_far_from_what_is_labelled():
    points = np.array([[0.0], [1.0], [9.0]])
    assert k_center(points, 1, np.array([[10.0]])).tolist() == [0]


def test_twenty_thousand_points_take_seconds():
    points = np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float32)
    start = time.process_time()
    assert len(set(k_center(points, 500))) == 500
    assert time.process_time() - start < 20


def test_widths_that_differ_are_refused():
    with pytest.raises(ValueError, match="expected \\(m, 3\\)"):
        k_center(np.zeros((4, 3)), 2, np.zeros((2, 5)))
    with pytest.raises(ValueError, match="expected \\(n, D\\)"):
        k_center(np.zeros(4), 2)
