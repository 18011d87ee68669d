from __future__ import annotations

import numpy as np
import pytest

from seglens.functional.audit import doubts, joined, neighbour_votes
from seglens.types import BoolArray, FloatArray, IntArray

CLASSES = 4


def planted(count: int = 200, wrong: int = 20) -> tuple[FloatArray, FloatArray, BoolArray, IntArray, IntArray]:
    """Probabilities, features, answers, images, which answers are wrong; both witnesses are right most of the time."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, count)
    features = np.eye(CLASSES)[true] * 2 + rng.normal(0, 0.6, (count, CLASSES))
    probs = rng.dirichlet(np.ones(CLASSES), count) + 1.5 * np.eye(CLASSES)[true]
    mistaken = rng.choice(count, wrong, replace=False)
    said = true.copy()
    said[mistaken] = (true[mistaken] + 1) % CLASSES
    return probs / probs.sum(1, keepdims=True), features, np.eye(CLASSES, dtype=bool)[said], np.arange(count), mistaken


def precision(suspicion: FloatArray, mistaken: IntArray) -> float:
    return float(np.isin(np.argsort(-suspicion)[: len(mistaken)], mistaken).mean())


def test_planted_mistakes_come_first() -> None:
    probs, features, said, images, mistaken = planted()
    found = doubts(probs, features, said, images)
    assert precision(found.suspicion, mistaken) >= 0.95
    assert (found.suspicion[mistaken] > 0).mean() > 0.9
    right = np.setdiff1d(images, mistaken)
    assert (found.better[mistaken] == (said[mistaken].argmax(1) - 1) % CLASSES).mean() > 0.9
    assert found.agreement[right].mean() > 0.75 > 0.3 > found.agreement[mistaken].mean()
    assert found.confidence[right].mean() > found.confidence[mistaken].mean()
    assert (found.margin >= 0).all()


def test_two_witnesses_are_better_than_one() -> None:
    probs, features, said, images, mistaken = planted()
    both = precision(doubts(probs, features, said, images).suspicion, mistaken)
    neighbours = precision(doubts(probs, features, said, images, trust=0).suspicion, mistaken)
    model = precision(doubts(probs, np.ones((len(said), 1)), said, images).suspicion, mistaken)
    assert both >= max(neighbours, model)


def test_a_model_that_is_not_trusted_does_not_matter() -> None:
    probs, features, said, images, _ = planted()
    one, other = (doubts(p, features, said, images, trust=0) for p in (probs, probs[::-1]))
    assert np.array_equal(one.suspicion, other.suspicion)
    assert not np.array_equal(one.confidence, other.confidence)


def test_answers_about_the_same_image_do_not_vote() -> None:
    """A person who takes one object for another does so all over it: those answers would vouch for one another."""
    features = np.ones((6, 2))
    said = np.eye(2, dtype=bool)[[0, 0, 0, 0, 1, 1]]
    votes = neighbour_votes(features, said, np.array([0, 0, 0, 0, 1, 2]))
    assert (votes[:4, 1] > 0.8).all()
    alone = neighbour_votes(features, said, np.zeros(6, int))
    assert np.allclose(alone, 0.5)


def test_the_nearest_count_most_and_only_the_nearest_are_heard() -> None:
    angle = np.array([0.0, 0.1, 0.5, 0.6, 0.7])
    features = np.stack([np.cos(angle), np.sin(angle)], 1)
    said = np.eye(2, dtype=bool)[[0, 0, 1, 1, 1]]
    images = np.arange(5)
    assert neighbour_votes(features, said, images, k=1)[0].tolist() == pytest.approx([0.75, 0.25])
    assert neighbour_votes(features, said, images, k=4)[0, 0] < 0.75
    scaled = neighbour_votes(features * np.array([[3.0], [1], [2], [1], [9]]), said, images, k=3)
    assert np.allclose(scaled, neighbour_votes(features, said, images, k=3))


def test_a_set_is_right_where_one_of_its_classes_is() -> None:
    probs, features, said, images, mistaken = planted()
    true = said.argmax(1)
    true[mistaken] = (true[mistaken] - 1) % CLASSES
    wide = said.copy()
    wide[np.arange(len(true)), true] = True
    found = doubts(probs, features, wide, images)
    assert (found.suspicion[mistaken] < doubts(probs, features, said, images).suspicion[mistaken]).all()
    assert (found.suspicion < 0).mean() > 0.9
    votes = neighbour_votes(np.ones((2, 1)), np.array([[True, True, False], [False, False, True]]), np.array([0, 1]))
    assert votes[1].tolist() == pytest.approx([5 / 12, 5 / 12, 2 / 12])


def test_every_layer_counts_alike_whatever_its_scale_and_width() -> None:
    rng = np.random.default_rng(1)
    narrow, wide = rng.normal(5, 0.01, (50, 3)), rng.normal(-2, 300, (50, 40))
    found = joined([narrow, wide, np.ones((50, 2))])
    assert found.shape == (50, 45)
    assert (found[:, :3] ** 2).sum() == pytest.approx((found[:, 3:43] ** 2).sum())
    assert (found[:, 43:] == 0).all()
