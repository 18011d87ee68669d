"""Boundary IoU, against erosions of each class by hand and against looking at every neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from seglens.functional.boundary import band_width, boundary_counts, boundary_iou, contour_band
from seglens.types import IGNORE


def blobs(seed: int, shape: tuple[int, int], classes: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (shape[0] // 4 + 1, shape[1] // 4 + 1))
    return np.kron(coarse, np.ones((4, 4), int))[: shape[0], : shape[1]].astype(np.uint8)


def eroded_band(label: np.ndarray, width: int) -> np.ndarray:
    """The paper's way: each class less its erosions by 3 x 3, nothing beyond the frame."""
    band = np.zeros(label.shape, bool)
    for c in np.unique(label):
        mask = label == c
        band |= mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width, border_value=0)
    return band


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_the_band_is_what_erosion_takes_away(width: int, seed: int) -> None:
    label = blobs(seed, (21, 33))
    np.testing.assert_array_equal(contour_band(label, width), eroded_band(label, width))


def test_without_a_frame_only_other_classes_make_a_contour() -> None:
    label = blobs(0, (13, 17))
    found = contour_band(label, 2, frame=False)
    for y, x in np.ndindex(*label.shape):
        near = label[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        assert found[y, x] == (near != label[y, x]).any()
    assert not contour_band(np.zeros((9, 9), np.uint8), 3, frame=False).any()


@pytest.mark.parametrize("seed", range(4))
def test_each_class_is_counted_as_if_alone(seed: int) -> None:
    truth, seen = blobs(seed, (30, 40)), blobs(seed + 10, (30, 40))
    truth[:6, 10:19] = IGNORE
    width = band_width((30, 40), 0.05)
    counts = boundary_counts(truth, seen, 4, 0.05)
    masked = np.where(truth == IGNORE, IGNORE, seen)
    expected = []
    for c in range(4):
        g = (truth == c) & eroded_band(truth, width)
        p = (masked == c) & eroded_band(masked, width)
        union = (g | p).sum()
        expected.append((g & p).sum() / union if union else np.nan)
    np.testing.assert_allclose(boundary_iou(counts), expected)
    assert np.isnan(expected[3])


def test_the_truth_itself_is_perfect_and_void_costs_nothing() -> None:
    truth = blobs(3, (24, 24))
    seen = truth.copy()
    truth[4:9, 4:20] = IGNORE
    assert boundary_iou(boundary_counts(truth, seen, 3)).tolist() == [1, 1, 1]


def test_a_shifted_edge_hurts_more_than_iou_says() -> None:
    truth = np.zeros((100, 100), np.uint8)
    truth[:, 50:] = 1
    seen = np.roll(truth, 2, axis=1)
    seen[:, :2] = 0
    found = boundary_iou(boundary_counts(truth, seen, 2))
    overlap = ((truth == 1) & (seen == 1)).sum() / ((truth == 1) | (seen == 1)).sum()
    assert found[1] < overlap
