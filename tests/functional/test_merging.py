from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from seglens.functional.merging import js_distance, merge_alike, neighbours


def distributions(count, classes, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), count)


def test_the_distance_is_scipys():
    p, q = distributions(50, 6), distributions(50, 6, 1)
    p[0], q[0] = np.eye(6)[0], np.eye(6)[1]
    p[1], q[1] = p[2], p[2]
    np.testing.assert_allclose(js_distance(p, q), jensenshannon(p, q, axis=1), atol=1e-7)
    np.testing.assert_allclose(js_distance(p[3], q), [jensenshannon(p[3], other) for other in q], atol=1e-7)


def test_neighbours_lie_side_by_side():
    labels = np.random.default_rng(3).integers(0, 9, (8, 10))
    found = neighbours(labels, 10)
    for one in range(10):
        touching = set()
        for y, x in np.argwhere(labels == one):
            beside = [(y + dy, x + dx) for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))]
            touching |= {int(labels[v, u]) for v, u in beside if 0 <= v < 8 and 0 <= u < 10}
        assert found[one].tolist() == sorted(touching - {one})


def merged_slowly(adjacent, seen, doubt, free, epsilon):
    """One region at a time, as ASAL says it."""
    group, number = {}, 0
    for root in sorted(range(len(seen)), key=lambda one: -doubt[one]):
        if root in group or not free[root]:
            continue
        group[root], queue = number, [root]
        while queue:
            for near in adjacent[queue.pop(0)]:
                if free[near] and near not in group and jensenshannon(seen[root], seen[near]) < epsilon:
                    group[near] = number
                    queue.append(near)
        number += 1
    return [group.get(one, -1) for one in range(len(seen))]


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.3, 0.5, 2.0])
def test_merging_equals_one_region_at_a_time(epsilon):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :30]
    labels = y // 3 * 10 + x // 3
    seen, doubt, free = distributions(80, 4), rng.random(80), rng.random(80) < 0.9
    adjacent = neighbours(labels, 80)
    found = merge_alike(adjacent, seen, doubt, free, epsilon)
    assert found.tolist() == merged_slowly(adjacent, seen, doubt, free, epsilon)
    if epsilon == 0:
        assert found.max() + 1 == free.sum()


def test_chains_do_not_drift():
    # each is alike its neighbour, the ends are not alike
    share = np.linspace(0.2, 0.8, 7)
    seen = np.stack([share, 1 - share], axis=1)
    labels = np.arange(7)[None]
    assert js_distance(seen[:-1], seen[1:]).max() < 0.1
    found = merge_alike(neighbours(labels, 7), seen, -np.arange(7.0), np.ones(7, bool), 0.1)
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 3]
