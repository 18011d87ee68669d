import numpy as np
import pytest
from scipy import ndimage

from seglens.functional.erosion import eroded, inner

BLOBS = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(40, 50)), 2.5) > -0.02


@pytest.mark.parametrize("pixels", [0, 1, 2, 5])
def test_erosion_is_that_of_a_square_kernel(pixels):
    kernel = np.ones((2 * pixels + 1,) * 2, bool)
    assert np.array_equal(eroded(BLOBS, pixels), ndimage.binary_erosion(BLOBS, kernel, border_value=1))


@pytest.mark.parametrize("pixels", [0, 1, 2, 3])
def test_every_region_keeps_its_inside(pixels):
    regions, count = ndimage.label(BLOBS)
    assert count > 1
    for number in range(1, count + 1):
        mask = regions == number
        index = np.flatnonzero(mask)
        kept = np.zeros(BLOBS.shape, bool)
        kept.ravel()[index[inner(index, BLOBS.shape, pixels)]] = True
        widths = [w for w in range(pixels + 1) if eroded(mask, w).any()]
        assert np.array_equal(kept, eroded(mask, max(widths)))
        assert kept.any()


def test_no_pixels_have_no_inside():
    assert len(inner(np.zeros(0, np.int64), (4, 4), 2)) == 0
