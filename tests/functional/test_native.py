from __future__ import annotations

import numpy as np
import pytest

from seglens.functional.native import to_native


@pytest.mark.parametrize("small", [(6, 8), (7, 5), (12, 16)])
@pytest.mark.parametrize("size", [(12, 16), (24, 32), (17, 23), (13, 16)])
def test_the_middle_of_a_cell_takes_its_value(small, size):
    values = np.arange(small[0] * small[1]).reshape(small).astype(np.int32)
    found = to_native(values, size)
    assert (found.shape, found.dtype) == (size, np.int32)
    middle = [((np.arange(n) + 0.5) * native / n).astype(int) for n, native in zip(small, size, strict=True)]
    assert np.array_equal(found[np.ix_(*middle)], values)


def test_whole_factors_repeat():
    mask = np.random.default_rng(0).random((5, 7)) < 0.5
    assert np.array_equal(to_native(mask, (15, 14)), mask.repeat(3, 0).repeat(2, 1))
