from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from seglens.functional.ridge import ridge


@pytest.mark.parametrize("strength", [1e-6, 1.0, 50.0])
def test_equals_another_implementation(strength):
    rng = np.random.default_rng(0)
    columns, more = rng.normal(5, [1, 20, 0.1], (40, 3)), rng.normal(5, 10, (9, 3))
    values = columns @ [1, 2, 3] + rng.normal(size=40)
    scaler = StandardScaler().fit(columns)
    theirs = Ridge(alpha=strength).fit(scaler.transform(columns), values)
    np.testing.assert_allclose(ridge(columns, values, strength)(more), theirs.predict(scaler.transform(more)))


def test_a_constant_column_changes_nothing():
    rng = np.random.default_rng(1)
    columns, values = rng.normal(size=(12, 2)), rng.normal(size=12)
    beside = np.column_stack([columns, np.full(12, 7.0)])
    plain, more = ridge(columns, values)(columns), np.column_stack([columns, np.full(12, 9.0)])
    np.testing.assert_allclose(ridge(beside, values)(more), plain)
    assert ridge(columns[:1], values[:1])(columns) == pytest.approx(np.full(12, values[0]))
