from __future__ import annotations

import numpy as np

from seglens.superpixels.nested import parents


def test_a_fine_superpixel_belongs_where_most_of_it_lies():
    rng = np.random.default_rng(0)
    fine, coarse = rng.integers(0, 30, (40, 30)), rng.integers(0, 4, (40, 30))
    found = parents(fine, coarse)
    for number in range(30):
        shared = np.bincount(coarse[fine == number], minlength=4)
        assert found[number] == shared.argmax()


def test_equal_shares_go_to_the_first():
    assert parents(np.array([[0, 0, 1, 1]]), np.array([[1, 0, 1, 0]])).tolist() == [0, 0]
