from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from seglens.functional.impurity import box_mean, box_sum, impurity


def window(values, y, x, k):
    return values[max(y - k, 0) : y + k + 1, max(x - k, 0) : x + k + 1]


@pytest.mark.parametrize("k", [1, 2, 5, 40])
@pytest.mark.parametrize("classes", [2, 7, 19])
def test_equals_the_entropy_of_each_windows_histogram(k, classes):
    generator = torch.Generator().manual_seed(k)
    predicted = torch.randint(classes, (2, 11, 14), generator=generator)
    found = impurity(predicted, classes, k)
    for image, y, x in np.ndindex(2, 11, 14):
        counts = np.bincount(window(predicted[image].numpy(), y, x, k).ravel(), minlength=classes)
        assert found[image, y, x] == pytest.approx(entropy(counts, base=classes), abs=1e-5)


@pytest.mark.parametrize("classes", [2, 5, 9])
def test_all_classes_alike_are_one_and_one_class_is_nothing(classes):
    # RIPU's public code divides by log 19 whatever the number of classes
    alike = torch.arange(classes).expand(1, classes, classes).contiguous()
    assert impurity(alike, classes, classes).amax() == pytest.approx(1.0, abs=1e-6)
    assert (impurity(torch.zeros((1, 6, 6), dtype=torch.int64), classes, 1) == 0).all()


def test_one_class_is_no_question():
    with pytest.raises(ValueError, match="expected 2 or more"):
        impurity(torch.zeros((1, 2, 2), dtype=torch.int64), 1, 1)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_boxes_are_clipped_at_the_border(k):
    values = torch.rand((1, 9, 12), generator=torch.Generator().manual_seed(0))
    for y, x in np.ndindex(9, 12):
        inside = window(values[0], y, x, k)
        assert box_sum(values, k)[0, y, x] == pytest.approx(float(inside.sum()), rel=1e-4)
        assert box_mean(values, k)[0, y, x] == pytest.approx(float(inside.mean()), rel=1e-6)


def test_whole_numbers_stay_exact():
    count = box_sum(torch.ones((1, 360, 480)), 32)
    assert count[0, 100, 100] == 65**2
    assert count[0, 359, 479] == 33**2
