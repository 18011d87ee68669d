"""Window kernels against their formula, filtering against a full convolution, suppression against brute force."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from scipy.special import ndtr

from seglens.functional.windows import filter_windows, kernel_vector, pick_windows, region_kernel

KINDS = ("cumulative", "literal", "box")


def as_written(kind, w, nsig):
    """Eq. 5 over the whole square, in NumPy."""
    steps = np.diff(ndtr(np.linspace(-nsig, nsig, w + 1)))
    square = np.outer(steps, steps)
    if kind == "box":
        return np.ones((w, w))
    return np.sqrt(square / square.sum()) * w if kind == "cumulative" else square / np.sqrt((square**2).sum()) * w


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("w", "nsig"), [(1, 2.0), (2, 2.0), (7, 1.0), (32, 2.0), (45, 3.0)])
def test_a_kernel_is_separable_symmetric_and_weighs_as_much_as_a_box(kind, w, nsig):
    q, kernel = kernel_vector(kind, w, nsig).numpy(), region_kernel(kind, w, nsig).numpy()
    np.testing.assert_allclose(kernel, as_written(kind, w, nsig), rtol=1e-12)
    np.testing.assert_allclose(kernel, np.outer(q, q), rtol=0)
    np.testing.assert_allclose(kernel, kernel[::-1].T[::-1], rtol=1e-9)
    assert (kernel**2).sum() == pytest.approx(w**2, rel=1e-12)
    assert (kernel > 0).all()


def test_the_kernels_have_the_figures_of_the_paper_s_reading():
    kernel = region_kernel("cumulative", 32)
    assert float(kernel.sum()) / 32**2 == pytest.approx(0.933, abs=5e-4)
    assert (float(kernel.max()), float(kernel.min())) == pytest.approx((1.67, 0.256), abs=5e-3)
    literal = region_kernel("literal", 32)
    assert (float(literal.max()), float(literal.min())) == pytest.approx((2.26, 0.053), abs=5e-3)


@pytest.mark.parametrize(
    ("kind", "size", "nsig", "words"),
    [("box", 0, 2.0, "size"), ("cumulative", 8, 0.0, "nsig"), ("gauss", 8, 2.0, "found 'gauss', allowed: cumulative")],
)
def test_a_kernel_that_cannot_be_is_refused(kind, size, nsig, words):
    with pytest.raises(ValueError, match=words):
        kernel_vector(kind, size, nsig)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "w"), [((20, 31), 6), ((9, 9), 9), ((5, 8), 1), ((33, 17), 16)])
def test_two_passes_are_the_full_filter(kind, shape, w):
    maps = torch.rand((3, *shape), generator=torch.Generator().manual_seed(w))
    found = filter_windows(maps, kernel_vector(kind, w))
    assert found.shape == (3, shape[0] - w + 1, shape[1] - w + 1)
    assert found.dtype == torch.float32
    for one, image in zip(found.numpy(), maps.numpy(), strict=True):
        expected = correlate2d(image.astype(np.float64), region_kernel(kind, w).numpy(), mode="valid")
        np.testing.assert_allclose(one, expected, rtol=1e-5)


def test_a_window_larger_than_the_map_is_refused():
    with pytest.raises(ValueError, match="window of 9 does not fit a map of 12 x 8"):
        filter_windows(torch.zeros(1, 12, 8), kernel_vector("box", 9))


def brute_force(response, w, n):
    """One sweep over the map a pick."""
    left, found = response.copy(), []
    for _ in range(n):
        at = int(left.argmax())
        y, x = divmod(at, left.shape[1])
        if left[y, x] == -np.inf:
            break
        found.append([y, x])
        for row in range(left.shape[0]):
            for column in range(left.shape[1]):
                if max(abs(row - y), abs(column - x)) < w:
                    left[row, column] = -np.inf
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("w", [1, 3, 7, 20])
def test_suppression_is_that_of_brute_force(seed, w):
    rng = np.random.default_rng((seed, w))
    response = rng.random((rng.integers(1, 45), rng.integers(1, 45))).astype(np.float32)
    if seed % 2:
        response = np.floor(response * 4).astype(np.float32)  # many ties
    response[rng.random(response.shape) < 0.2 * (seed % 3)] = -np.inf
    n = int(rng.integers(1, 30))
    assert pick_windows(response, w, n).tolist() == brute_force(response, w, n)


def test_of_equals_the_first_in_row_major_order_comes_first():
    found = pick_windows(np.zeros((50, 70), np.float32), 20, 100).tolist()
    assert found == [[y, x] for y in (0, 20, 40) for x in (0, 20, 40, 60)]


def test_more_windows_than_fit_give_fewer_and_none_twice():
    response = np.random.default_rng(0).random((30, 30))
    found = pick_windows(response, 10, 500)
    assert 4 <= len(found) <= 9
    distance = np.abs(found[:, None] - found[None]).max(-1)
    assert (distance[~np.eye(len(found), dtype=bool)] >= 10).all()
    assert pick_windows(np.full((5, 5), -np.inf), 2, 3).shape == (0, 2)


def test_the_windows_of_a_large_map_are_there_at_once():
    response = np.random.default_rng(0).random((961, 1921), np.float32)
    begun = time.process_time()
    assert len(pick_windows(response, 16, 10**6)) > 4000
    assert time.process_time() - begun < 3  # a sweep a pick takes minutes
