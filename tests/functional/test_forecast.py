from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from seglens.functional.forecast import (
    DAMPING,
    FAMILIES,
    LUCK,
    conformal,
    damped_trend,
    expected,
    family_weights,
    interval,
    rising,
    unrest,
)

SHAPES = {"power law": lambda x: -(x**-0.5), "exponential": lambda x: -np.exp(-x / 7.0), "log-linear": np.log}


@pytest.mark.parametrize("name", SHAPES)
def test_a_family_goes_on_with_its_own_curve(name):
    spent, at = np.array([1.0, 2.0, 4.0, 7.0]), np.array([7.0, 9.0, 30.0])
    shape = SHAPES[name]
    np.testing.assert_allclose(FAMILIES[name](spent, 0.4 + 0.1 * shape(spent), at), 0.4 + 0.1 * shape(at))
    for other in set(SHAPES) - {name}:
        assert np.abs(FAMILIES[other](spent, 0.4 + 0.1 * shape(spent), at) - 0.4 - 0.1 * shape(at)).max() > 1e-3


def test_a_noisy_curve_is_fitted_by_least_squares_and_moved_halfway_to_the_last_value():
    rng = np.random.default_rng(0)
    spent, at = np.arange(1.0, 7.0), np.array([8.0, 12.0])
    miou = 0.3 + 0.05 * np.log(spent) + rng.normal(0, 0.01, 6)
    fit = linregress(np.log(spent), miou)
    off = miou[-1] - (fit.intercept + fit.slope * np.log(6.0))
    theirs = fit.intercept + fit.slope * np.log(at) + off / 2
    np.testing.assert_allclose(FAMILIES["log-linear"](spent, miou, at), theirs)


def test_the_trend_fades_step_by_step():
    spent, miou = np.array([10.0, 20.0, 30.0]), np.array([0.3, 0.42, 0.44])
    value, step = 0.44, 0.07
    for n in range(1, 6):
        step *= DAMPING
        value += step
        assert damped_trend(spent, miou, np.array([30.0 + 10 * n])) == pytest.approx(value)


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_goes_on_falling(name):
    spent, miou = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.3])
    ahead = FAMILIES[name](spent, miou, np.array([4.0, 8.0]))
    assert ahead[0] == ahead[1] == pytest.approx(0.35)  # halfway between mean and last


def test_the_family_that_told_the_last_point_counts_most():
    spent = np.array([1.0, 2.0, 3.0, 9.0, 30.0])
    for name, shape in (("log-linear", np.log), ("exponential", lambda x: -np.exp(-x / 9.0))):
        weights = family_weights(spent, 0.2 + 0.2 * shape(spent))
        assert max(weights, key=weights.__getitem__) == name
        assert sum(weights.values()) == pytest.approx(1)
    assert set(family_weights(spent[:2], np.array([0.2, 0.4])).values()) == {0.25}


def test_the_unit_of_what_is_spent_does_not_matter():
    spent, miou, at = np.array([3.0, 5.0, 9.0]), np.array([0.2, 0.25, 0.29]), np.array([10.0, 20.0])
    for one, other in zip(
        (expected(spent, miou, at), *interval(spent, miou, at)),
        (expected(spent * 1e4, miou, at * 1e4), *interval(spent * 1e4, miou, at * 1e4)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other)


def test_the_interval_widens_with_recent_steps_and_with_distance():
    spent, at = np.array([1.0, 2.0, 3.0]), np.array([3.1, 4.0, 11.0])
    calm, wild = np.array([0.1, 0.3, 0.3]), np.array([0.3, 0.1, 0.3])
    np.testing.assert_allclose(unrest(spent, calm, at), (0.1 + LUCK) * np.array([1, 1, 2]))
    np.testing.assert_allclose(unrest(spent, wild, at), (0.2 + LUCK) * np.array([1, 1, 2]))
    low, high = interval(spent, np.array([0.9, 0.95, 0.999]), at)
    assert (low < expected(spent, np.array([0.9, 0.95, 0.999]), at)).all()
    assert high.max() <= 1


def test_conformal_quantiles_hold_for_the_next_value():
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(2000):
        values = rng.standard_exponential(30)
        low, high = conformal(values[:-1])
        inside.append(low <= values[-1] <= high)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.03)
    assert conformal(np.array([3.0, 1.0])) == (1.0, 3.0)


def test_rounds_that_cost_nothing_more_are_one():
    spent, miou = rising([(0.0, 0.1), (5.0, 0.2), (5.0, 0.3), (9.0, 0.4)])
    assert (spent.tolist(), miou.tolist()) == ([5.0, 9.0], [0.3, 0.4])
