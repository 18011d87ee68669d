from __future__ import annotations

import numpy as np
import pytest

from seglens.superpixels.search import Search, Setting


@pytest.mark.parametrize("wanted", [30, 100, 400])
def test_a_smooth_count_is_met_by_one_setting(wanted):
    search = Search(lambda n: 0.6 * n**0.97, tolerance=0.01, tries=12)
    found = search.find(wanted)
    mean = found.share * search.counts[found.high] + (1 - found.share) * search.counts[found.low]
    assert abs(mean / wanted - 1) <= 0.01
    assert len(search.counts) <= 12


@pytest.mark.parametrize("wanted", [92, 100, 110, 119])
def test_a_count_within_a_jump_is_met_by_two(wanted):
    search = Search(lambda n: 90.0 if n < 150 else 120.0)
    found = search.find(wanted)
    counts = [search.counts[found.at(rank)] for rank in range(300)]
    assert abs(np.mean(counts) / wanted - 1) <= 0.025
    # Spread evenly: no stretch of the pool is without its share.
    assert abs(np.mean(counts[:30]) / wanted - 1) <= 0.05


def test_what_cannot_be_met_ends_at_the_nearest():
    search = Search(lambda n: min(n, 40.0))
    assert search.counts.get(search.find(100).low) == 40
    assert Search(lambda n: 7.0).find(5).share == 0


def test_what_was_measured_is_not_measured_again():
    tried = []
    search = Search(lambda n: tried.append(n) or 0.8 * n)
    first = search.find(100)
    assert search.find(100) == first
    search.find(110)
    assert len(tried) == len(set(tried))


def test_the_share_is_of_the_images():
    assert [Setting(1, 2, 0.25).at(rank) for rank in range(8)] == [1, 1, 1, 2, 1, 1, 1, 2]
    assert {Setting(1, 2, 0.0).at(rank) for rank in range(50)} == {1}
    assert {Setting(1, 2, 1.0).at(rank) for rank in range(50)} == {2}
