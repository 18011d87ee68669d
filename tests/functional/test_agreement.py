from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from seglens.functional.agreement import kappa, kappa_table


@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_scikit_learns(seed: int) -> None:
    chance = np.random.default_rng(seed)
    first = chance.integers(0, 4, 60)
    second = np.where(chance.random(60) < 0.6, first, chance.integers(0, 4, 60))
    assert kappa(kappa_table(first, second, 4)) == pytest.approx(cohen_kappa_score(first, second), abs=1e-6)


def test_kappa_says_nothing_of_nothing() -> None:
    assert kappa(np.zeros((3, 3))) is None
    assert kappa(kappa_table(np.zeros(5, int), np.zeros(5, int), 3)) is None
    with pytest.raises(ValueError, match="against"):
        kappa_table(np.zeros(5, int), np.zeros(4, int), 3)
