"""Iterative stratification against brute force, against scikit-learn and against chance."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.model_selection import StratifiedKFold

from seglens.data.stratify import stratify


def spread(present: npt.NDArray[np.bool_], fold: npt.NDArray[np.integer], k: int) -> int:
    """The largest difference between two folds in how many images of a class they have."""
    counts = np.array([present[fold == j].sum(0) for j in range(k)])
    return int((counts.max(0) - counts.min(0)).max())


def best(present: npt.NDArray[np.bool_], k: int) -> int:
    """The smallest spread there is, over every way to part the images into folds of even size."""
    found = len(present)
    for ways in itertools.product(range(k), repeat=len(present) - 1):
        fold = np.array((0, *ways))
        sizes = np.bincount(fold, minlength=k)
        if sizes.max() - sizes.min() <= 1:
            found = min(found, spread(present, fold, k))
    return found


@pytest.mark.parametrize(("images", "classes", "k"), [(6, 2, 2), (8, 3, 2), (7, 3, 3), (9, 2, 2)])
def test_tiny_cases_are_nearly_as_even_as_they_can_be(images: int, classes: int, k: int) -> None:
    rng, gaps = np.random.default_rng(images), []
    for seed in range(12):
        present = rng.random((images, classes)) < rng.uniform(0.2, 0.7, classes)
        fold = stratify(present, k, np.random.default_rng(seed))
        assert set(fold.tolist()) <= set(range(k))
        gaps.append(spread(present, fold, k) - best(present, k))
    assert max(gaps) <= 1
    assert np.mean(gaps) < 0.5


def test_the_rarest_class_is_spread_within_one() -> None:
    rng = np.random.default_rng(0)
    for seed in range(20):
        present = rng.random((60, 8)) < np.geomspace(0.9, 0.05, 8)
        fold = stratify(present, 5, np.random.default_rng(seed))
        counts = np.array([present[fold == j].sum(0) for j in range(5)])
        total = present.sum(0)
        rarest = int(np.argmin(np.where(total > 0, total, 999)))
        assert counts[:, rarest].max() - counts[:, rarest].min() <= 1
        assert np.bincount(fold, minlength=5).sum() == 60


def test_with_one_class_an_image_it_is_scikit_learns() -> None:
    classes = np.repeat([0, 1, 2], [23, 9, 4])
    fold = stratify(np.eye(3, dtype=bool)[classes], 4, np.random.default_rng(2))
    ours = np.array([np.bincount(classes[fold == j], minlength=3) for j in range(4)])
    parts = StratifiedKFold(4, shuffle=True, random_state=0).split(classes, classes)
    theirs = np.array([np.bincount(classes[val], minlength=3) for _, val in parts])
    assert np.array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))
    assert np.ptp(ours, axis=0).max() == 1


def uneven(present: npt.NDArray[np.bool_], fold: npt.NDArray[np.integer], k: int) -> tuple[float, int]:
    """Mean relative distance of a fold's images of a class from an even share; classes that a fold lacks."""
    counts, total = np.array([present[fold == j].sum(0) for j in range(k)]), present.sum(0)
    return float(np.abs(k * counts / total - 1).mean()), int(((counts == 0) & (total >= k)).sum())


def test_it_is_more_even_than_chance_and_no_fold_lacks_a_class() -> None:
    rng, ours, chance = np.random.default_rng(1), [], []
    for seed in range(10):
        present = rng.random((150, 19)) < np.geomspace(0.95, 0.04, 19)
        fold = stratify(present, 5, np.random.default_rng(seed))
        assert np.ptp(np.bincount(fold, minlength=5)) <= 6
        ours.append(uneven(present, fold, 5))
        chance.append(uneven(present, rng.permutation(150) % 5, 5))
    assert max(far for far, _ in ours) < min(far for far, _ in chance)
    assert np.mean([far for far, _ in ours]) < 0.5 * np.mean([far for far, _ in chance])
    assert max(lacking for _, lacking in ours) == 0
    assert min(lacking for _, lacking in chance) > 0


def test_images_without_a_class_fill_the_smallest_folds() -> None:
    present = np.zeros((11, 2), bool)
    present[:3, 0] = True
    fold = stratify(present, 4, np.random.default_rng(0))
    assert sorted(np.bincount(fold).tolist()) == [2, 3, 3, 3]
    assert sorted(np.bincount(stratify(np.zeros((8, 0), bool), 4, np.random.default_rng(0))).tolist()) == [2] * 4


def test_one_seed_one_result() -> None:
    present = np.random.default_rng(3).random((40, 6)) < 0.3
    one, same, other = (stratify(present, 4, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
