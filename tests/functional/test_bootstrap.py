from __future__ import annotations

import numpy as np
import pytest

from seglens.functional.bootstrap import miou_interval
from seglens.functional.metrics import miou
from seglens.types import Chance, IntArray

CLASSES = 8


def population(images: int, right: float, seed: int = 0) -> IntArray:
    """Images of 8 classes, the rarest in one of 20, of which a share is predicted right; how well differs by image."""
    rng = np.random.default_rng(seed)
    chance_of = np.linspace(1.0, 0.05, CLASSES)
    found = np.zeros((images, CLASSES, CLASSES), np.int64)
    for image in found:
        there = rng.random(CLASSES) < chance_of
        pixels = there * rng.integers(20, 400, CLASSES)
        hit = rng.binomial(pixels, rng.beta(3 * right, 3 * (1 - right), CLASSES))
        image[np.arange(CLASSES), np.arange(CLASSES)] = hit
        image[np.arange(CLASSES), rng.integers(0, CLASSES - 1, CLASSES)] += pixels - hit
    return found


@pytest.mark.parametrize("right", [0.5, 0.9])
def test_the_interval_holds_the_truth_more_often_than_plain_percentiles(right: float) -> None:
    everything = population(1500, right)
    truth, rng = miou(everything.sum(0)), np.random.default_rng(1)
    held, plain = [], []
    for repeat in range(120):
        few = everything[rng.choice(len(everything), 20, replace=False)]
        low, high = miou_interval(few, Chance((repeat,)), resamples=300)
        held.append(low <= truth <= high)
        values = [miou(few[rng.integers(0, 20, 20)].sum(0)) for _ in range(100)]
        plain.append(np.quantile(values, 0.025) <= truth <= np.quantile(values, 0.975))
    assert np.mean(held) >= 0.87
    assert np.mean(held) >= np.mean(plain)


def test_more_images_make_it_narrower() -> None:
    everything = population(400, 0.7)
    widths = [np.subtract(*miou_interval(everything[:n], Chance((0,)))[::-1]) for n in (5, 20, 80, 320)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 3 * widths[-1]


def test_a_class_seen_once_makes_it_wider() -> None:
    often = np.repeat(np.diag([50, 50, 50])[None], 20, 0)
    often[:, 0, 1] = 5
    once = often.copy()
    once[1:, 2, 2] = 0
    wide, narrow = (np.subtract(*miou_interval(found, Chance((0,)))[::-1]) for found in (once, often))
    assert wide > 2 * narrow


def test_equal_chance_gives_equal_intervals_and_nothing_gives_none() -> None:
    found = population(30, 0.6)
    assert miou_interval(found, Chance((3,))) == miou_interval(found, Chance((3,)))
    assert np.isnan(miou_interval(np.zeros((4, 3, 3), np.int64), Chance((0,)))).all()
    low, high = miou_interval(found[:1], Chance((0,)))
    assert 0 <= low < high <= 1
