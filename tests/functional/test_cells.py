from __future__ import annotations

import numpy as np

from seglens.functional.cells import cell_of, central_pixel


def test_a_cell_is_four_by_four_on_a_fixed_grid():
    size = (10, 11)
    inside = cell_of(np.arange(110), size, (5, 9)).reshape(size)
    expected = np.zeros(size, bool)
    expected[4:8, 8:11] = True
    assert np.array_equal(inside, expected)


def test_the_central_pixel_lies_in_the_region():
    ring = np.ones((7, 7), bool)
    ring[1:6, 1:6] = False
    index = np.flatnonzero(ring)
    centre = central_pixel(index, (7, 7))
    assert centre in index
    assert divmod(centre, 7) == (0, 3)  # the middle of a side is nearest, the first of the four
    assert central_pixel(np.flatnonzero(np.ones((5, 5))), (5, 5)) == 12
