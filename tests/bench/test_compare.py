"""Curves at equal cost, against brute force."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seglens.bench.compare import (
    Curve,
    Spread,
    curve,
    difference,
    first_crossing,
    interval,
    is_geometric,
    paired,
    spread,
)

costs = st.lists(st.integers(0, 60), min_size=1, max_size=6).map(sorted)
curves = costs.flatmap(
    lambda xs: st.lists(st.floats(0, 1), min_size=len(xs), max_size=len(xs)).map(lambda ys: curve(xs, ys))
)


def height(at: Curve, x: float) -> float:
    """A curve's value, by searching its pieces one after another."""
    for i in range(len(at.costs) - 1):
        left, right = at.costs[i], at.costs[i + 1]
        if left <= x <= right:
            share = (x - left) / (right - left)
            return float((1 - share) * at.values[i] + share * at.values[i + 1])
    assert x == at.costs[-1]
    return float(at.values[-1])


@given(curves, curves)
@settings(max_examples=150, deadline=None)
def test_the_difference_is_the_mean_of_very_many_gaps(one: Curve, other: Curve) -> None:
    found = difference(one, other)
    reached = [x for x in range(61) if one.costs[0] <= x <= one.costs[-1] and other.costs[0] <= x <= other.costs[-1]]
    if not reached:
        assert found is None
        return
    assert found is not None
    assert (found.low, found.high) == (reached[0], reached[-1])
    assert found.end == pytest.approx(height(one, found.high) - height(other, found.high), abs=1e-9)
    # costs are whole numbers, so both are straight inside every unit: its middle is its mean
    gaps = [height(one, x + 0.5) - height(other, x + 0.5) for x in range(int(found.low), int(found.high))]
    assert found.mean == pytest.approx(statistics.mean(gaps) if gaps else found.end, abs=1e-9)


def test_a_constant_gap_is_returned_whatever_the_steps() -> None:
    found = difference(curve([1, 2, 9], [0.3, 0.4, 0.6]), curve([1, 2, 4, 9], [0.1, 0.2, 0.2 + 0.4 / 7, 0.4]))
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.end == pytest.approx(0.2)


def test_ranges_that_do_not_meet_have_no_difference() -> None:
    near, far = curve([1, 2], [0.1, 0.2]), curve([3, 4], [0.1, 0.2])
    assert difference(near, far) is None
    assert difference(far, near) is None
    assert difference(curve([], []), near) is None
    touching = difference(curve([2, 5], [0.5, 0.9]), near)
    assert touching is not None
    assert (touching.low, touching.high, touching.mean) == (2, 2, pytest.approx(0.3))


def test_free_rounds_count_by_their_last_model() -> None:
    free = curve([10, 10, 10], [0.1, 0.5, 0.3])
    found = difference(free, curve([0, 20], [0.0, 0.4]))
    assert found is not None
    assert found.mean == pytest.approx(0.3 - 0.2)


def test_seeds_are_paired_by_their_number() -> None:
    flat = {seed: curve([0, 1], [seed / 10, seed / 10]) for seed in (0, 1, 2)}
    found = paired({2: curve([0, 1], [0.5, 0.5]), 0: curve([5, 6], [1, 1]), 7: flat[0]}, flat)
    assert list(found) == [0, 2]
    assert found[0] is None
    assert found[2] is not None
    assert found[2].mean == pytest.approx(0.3)


def test_spread_is_the_sample_deviation() -> None:
    values = [0.3, 0.5, 0.9]
    found = spread([*values, None])
    assert found is not None
    assert found.sd == pytest.approx(statistics.stdev(values))
    assert spread([0.3]) == Spread(0.3, None, 1)
    assert spread([None]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 4, 8], True),
        ([100, 210, 400], True),
        ([367, 734, 1101, 1468], False),
        ([5987, 12204, 29327, 35509], False),
        ([10, 20, 30], False),
        ([10, 15, 20], False),
        ([10, 10, 10], False),
        ([0, 1, 2], False),
        ([1, 2], False),
    ],
)
def test_geometric_costs(values: list[float], expected: bool) -> None:
    assert is_geometric(values) is expected
    assert is_geometric(np.array(values).tolist()) is expected


@pytest.mark.parametrize("n", [2, 3, 9, 10, 15])
@pytest.mark.parametrize("mean", [-0.02, 0.0, 0.02])
def test_the_interval_is_students(n: int, mean: float) -> None:
    values = np.random.default_rng(n).normal(0, 0.005, n)
    values += mean - values.mean()
    found = interval([*values.tolist(), None])
    assert found is not None
    test = stats.ttest_1samp(values, 0)
    low, high = test.confidence_interval(0.95)
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert found.n == n
    expected = "no verdict" if n < 10 or test.pvalue > 0.05 else "better" if mean > 0 else "worse"
    assert found.verdict == expected
    assert (expected != "no verdict") == (n >= 10 and mean != 0)


@pytest.mark.parametrize("values", [[0.1] * 12, [0.0] * 12, [0.3 - 0.1, 0.2, 0.4 - 0.2] * 4, [0.2], [0.2, None]])
def test_runs_that_do_not_vary_have_no_verdict(values: list[float | None]) -> None:
    found = interval(values)
    assert found is not None
    assert (found.low, found.high, found.verdict) == (None, None, "no verdict")


def test_nothing_measured_has_no_interval() -> None:
    assert interval([]) is None
    assert interval([None, None]) is None


@given(curves, st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_the_first_crossing_is_the_first_of_very_many_places(one: Curve, target: float) -> None:
    found = first_crossing(one, target)
    if not len(one.costs) or one.values.max() < target:
        assert found is None
        return
    assert found is not None
    grid = np.linspace(one.costs[0], one.costs[-1], 2001)
    before = grid[grid < found - 1e-9]
    assert (np.interp(before, one.costs, one.values) < target + 1e-9).all()
    assert float(np.interp(found, one.costs, one.values)) >= target - 1e-9
