from __future__ import annotations

import numpy as np
import pytest

from seglens.functional.aggregates import aggregated


@pytest.mark.parametrize("how", ["mean", "max", "top"])
@pytest.mark.parametrize("values", ["spread", "alike", "negative"])
def test_equals_brute_force(how, values):
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 12, 2000)
    labels[labels == 7] = 8  # a region without pixels
    map_ = {"spread": rng.random(2000) ** 8, "alike": np.full(2000, 0.3), "negative": -rng.random(2000)}[values]
    found = aggregated(labels, map_.astype(np.float32), 12, how)
    for number in range(12):
        inside = -np.sort(-map_[labels == number])
        most = {"mean": len(inside), "max": 1, "top": int(np.ceil(len(inside) / 10))}[how]
        assert found[number] == pytest.approx(inside[:most].mean() if len(inside) else 0.0, rel=1e-5)


def test_nothing_gives_nothing():
    assert aggregated(np.zeros(0, np.int32), np.zeros(0), 2, "top").tolist() == [0.0, 0.0]
