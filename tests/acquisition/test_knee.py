from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import argrelextrema

from seglens.acquisition.settle.knee import knee, knees


def kneedle(curve, sensitivity=1.0):
    """The published steps one by one, for a concave rising curve, without smoothing: all knees."""
    x = np.arange(len(curve), dtype=float)
    xn, yn = (x - x.min()) / (x.max() - x.min()), (curve - curve.min()) / (curve.max() - curve.min())
    difference = yn - xn
    maxima = argrelextrema(difference, np.greater_equal)[0]
    minima = argrelextrema(difference, np.less_equal)[0]
    thresholds = {i: difference[i] - sensitivity * np.abs(np.diff(xn).mean()) for i in maxima}
    candidate = threshold = None
    found = set()
    for i in range(len(curve) - 1):
        if i in thresholds:
            candidate, threshold = i, thresholds[i]
        if candidate is not None and i in minima:
            threshold = 0.0
        if candidate is not None and difference[i + 1] < threshold:
            found.add(int(candidate))
    return sorted(found), difference


# Multiples of 1/64 at 2**k + 1 points: every step is exact, so that no rounding decides.
curves = st.sampled_from([3, 5, 9, 17, 33]).flatmap(
    lambda n: st.lists(st.integers(0, 64), min_size=n - 2, max_size=n - 2).map(
        lambda values: np.array([0, *sorted(values), 64]) / 64
    )
)


@given(curves, st.sampled_from([0.0, 1.0, 3.0]))
@settings(max_examples=300, deadline=None)
def test_equals_the_published_steps(curve, sensitivity):
    expected, difference = kneedle(curve, sensitivity)
    assert knees(curve, sensitivity).tolist() == expected
    strongest = max(expected, key=lambda i: (difference[i], -i), default=None)
    assert knee(curve, sensitivity) == strongest


def test_smooth_curves_agree_exactly():
    for seed in range(50):
        curve = np.sort(np.random.default_rng(seed).beta(5, 1, 200))
        expected, difference = kneedle(curve)
        assert knees(curve).tolist() == expected
        assert knee(curve) == expected[np.argmax(difference[expected])]


def test_the_knee_parts_the_few_low_from_the_many_high():
    curve = np.concatenate([np.linspace(0.0, 0.8, 20), np.linspace(0.8, 0.9, 180)])
    assert knee(curve) == pytest.approx(20, abs=1)


def test_a_flat_low_part_is_not_taken_for_the_knee():
    curve = np.concatenate([np.full(20, 0.1), np.full(80, 0.9)]) + np.linspace(0, 0.01, 100)
    assert 0 in knees(curve)  # what the usual implementation would return
    assert knee(curve) == 20


@pytest.mark.parametrize("curve", [[], [0.5], [0.2, 0.8], [0.4] * 9])
def test_nothing_to_bend_gives_none(curve):
    assert knee(np.array(curve, float)) is None


def test_a_curve_that_only_steepens_drops_nothing():
    assert knee(np.linspace(0, 1, 9) ** 3) == 0
