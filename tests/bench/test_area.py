"""Areas, savings, p-values: against brute force and SciPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from seglens.bench.area import area, in_logs, saving, value_at
from seglens.bench.compare import Curve, curve
from seglens.bench.significance import holm, paired_p


def random_curve(seed: int) -> Curve:
    rng = np.random.default_rng(seed)
    return curve(np.cumsum(rng.integers(1, 50, 6)).tolist(), rng.random(6).tolist())


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_the_mean_of_very_many_heights(seed: int) -> None:
    one = random_curve(seed)
    middles = np.linspace(one.costs[0], one.costs[-1], 200_001)
    middles = (middles[1:] + middles[:-1]) / 2
    assert area(one) == pytest.approx(np.interp(middles, one.costs, one.values).mean(), abs=1e-6)
    trapezoids = sum(
        (b - a) * (u + v) / 2 for (a, b), (u, v) in zip(pairwise(one.costs), pairwise(one.values), strict=True)
    )
    assert area(one) == pytest.approx(trapezoids / (one.costs[-1] - one.costs[0]))


def test_a_constant_curve_gives_its_constant_on_any_scale() -> None:
    flat = curve([1, 7, 100], [0.4, 0.4, 0.4])
    assert area(flat) == pytest.approx(0.4)
    assert area(in_logs(flat)) == pytest.approx(0.4)
    assert area(curve([5], [0.3])) == 0.3
    assert area(curve([], [])) is None


def test_logarithms_weigh_small_budgets_more() -> None:
    early = curve([1, 10, 100], [0.0, 1.0, 1.0])
    assert area(in_logs(early)) == pytest.approx(0.75)
    assert area(early) == pytest.approx((4.5 + 90) / 99)
    assert in_logs(curve([0, 1], [0.1, 0.2])).values.tolist() == [0.2]


def test_a_value_near_the_end_is_the_ends() -> None:
    one = curve([100, 200], [0.2, 0.4])
    assert [value_at(one, x) for x in (50, 99.5, 150, 201, 210)] == [None, 0.2, pytest.approx(0.3), 0.4, None]


def test_saving_is_by_where_the_reference_ends() -> None:
    chance = curve([100, 200, 400], [0.2, 0.3, 0.5])
    ours = curve([100, 200, 400], [0.2, 0.6, 0.7])
    assert saving(ours, chance) == pytest.approx(1 - 175 / 400)
    assert saving(chance, chance) == 0
    assert saving(curve([100, 400], [0.2, 0.4]), chance) is None
    assert saving(curve([100, 800], [0.2, 0.5]), chance) == pytest.approx(-1)
    assert saving(ours, curve([], [])) is None


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_p_is_scipys_paired_t_test(n: int) -> None:
    rng = np.random.default_rng(n)
    one, other = rng.random(n), rng.random(n)
    assert paired_p((one - other).tolist()) == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert paired_p([*(one - other), None]) == pytest.approx(stats.ttest_1samp(one - other, 0).pvalue)


def test_differences_that_do_not_vary_are_no_evidence() -> None:
    assert paired_p([0.3 - 0.1, 0.2, 0.4 - 0.2]) == 1
    assert paired_p([0.0, 0.0]) == 1
    assert paired_p([0.2]) is None
    assert paired_p([]) is None


@pytest.mark.parametrize("seed", range(20))
def test_holm_rejects_what_stepping_down_rejects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ps = [None if rng.random() < 0.2 else float(p) for p in rng.beta(0.3, 3, 9)]
    found = holm(ps)
    known = [p for p in ps if p is not None]
    assert [p is None for p in found] == [p is None for p in ps]
    for alpha in (0.01, 0.05, 0.2, 0.7):
        rejected: set[float] = set()
        for step, p in enumerate(sorted(known)):
            if p > alpha / (len(known) - step):
                break
            rejected.add(p)
        for p, adjusted in zip(ps, found, strict=True):
            assert p is None or (adjusted <= alpha) == (p in rejected)


def test_holm_of_equal_and_large_values() -> None:
    assert holm([0.02, 0.02]) == [0.04, 0.04]
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []
