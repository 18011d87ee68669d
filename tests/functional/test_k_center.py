from __future__ import annotations

import time

import numpy as np
import pytest
import torch

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


def test_of_equally_far_points_the_first_comes_first():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert k_center(square, 4, np.zeros((1, 2))).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("as_labelled", [True, False])
def test_float32_far_from_the_origin_picks_as_float64(as_labelled):
    rng = np.random.default_rng(3)
    points = (rng.normal(size=(700, 24)) + 300).astype(np.float32)
    labelled = points[:40] + np.float32(0.5) if as_labelled else None
    assert k_center(points, 60, labelled).tolist() == k_center(points.astype(float), 60, labelled).tolist()


def test_copies_of_points_come_last_and_once():
    points = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32) + 5
    picked = k_center(np.concatenate([points] * 3), 120).tolist()
    assert sorted(picked) == list(range(120))
    assert {place % 40 for place in picked[:40]} == set(range(40))


def test_a_tensor_is_taken_and_nothing_is_changed():
    points = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    labelled, before = points[:5].clone(), points.clone()
    assert k_center(points, 20, labelled).tolist() == k_center(points.numpy(), 20, labelled.numpy()).tolist()
    assert torch.equal(points, before)
    assert torch.equal(labelled, before[:5])
    assert k_center(points[:0], 3).tolist() == []


def test_twenty_thousand_points_take_seconds():
    points = np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float32)
    start = time.process_time()
    assert len(set(k_center(points, 500))) == 500
    assert time.process_time() - start < 10


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_values_that_cannot_be_squared_are_refused(bad):
    points = np.zeros((4, 3), np.float32)
    points[2, 1] = bad
    with pytest.raises(ValueError, match="not finite"):
        k_center(points, 2)


def test_widths_that_differ_are_refused():
    with pytest.raises(ValueError, match="expected \\(m, 3\\)"):
        k_center(np.zeros((4, 3)), 2, np.zeros((2, 5)))
    with pytest.raises(ValueError, match="expected \\(n, D\\)"):
        k_center(np.zeros(4), 2)
