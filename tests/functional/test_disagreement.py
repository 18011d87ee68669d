"""Disagreement of several predictions, against SciPy and plain sums."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from torch import Tensor

from seglens.functional.disagreement import (
    hard_votes,
    inconsistency,
    mean_and_entropy,
    mutual_information,
    probability_entropy,
)

CLASSES = 5


def predictions(count: int = 6, scale: float = 3.0) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return (scale * torch.randn(count, 2, CLASSES, 3, 4, generator=draw)).softmax(2)


def test_entropy_is_scipys_over_log_c() -> None:
    probs = predictions()[0]
    expected = scipy_entropy(probs.double().numpy(), axis=1) / np.log(CLASSES)
    np.testing.assert_allclose(probability_entropy(probs), expected, atol=1e-6)


def test_mean_and_entropy_are_those_of_all_at_once() -> None:
    all_of_them = predictions()
    before = all_of_them.clone()
    mean, doubt = mean_and_entropy(iter(all_of_them))
    torch.testing.assert_close(mean, all_of_them.mean(0))
    each = torch.stack([probability_entropy(p) for p in all_of_them])
    torch.testing.assert_close(doubt, each.mean(0))
    assert torch.equal(all_of_them, before)


def test_mutual_information_is_the_mean_divergence_from_the_mean() -> None:
    all_of_them = predictions()
    mean = all_of_them.double().mean(0).numpy()
    kl = np.mean([scipy_entropy(p.double().numpy(), mean, axis=1) for p in all_of_them], axis=0)
    found = mutual_information(*mean_and_entropy(all_of_them))
    np.testing.assert_allclose(found, kl / np.log(CLASSES), atol=1e-6)
    assert found.min() > 0.01


def test_averaging_first_would_be_entropy_and_is_not_this() -> None:
    """Passes that are unsure alike tell nothing new: a score that averages before it subtracts would call them high."""
    unsure = torch.full((1, CLASSES, 1, 1), 1 / CLASSES)
    agreeing = mutual_information(*mean_and_entropy([unsure] * 4))
    sure = torch.eye(CLASSES)[:, :, None, None]
    opposed = mutual_information(*mean_and_entropy(one[None] for one in sure))
    assert float(agreeing) < 1e-6
    assert float(opposed) == pytest.approx(1)


def test_one_prediction_at_a_time_is_held() -> None:
    alive: list[int] = []

    def stream() -> Iterator[Tensor]:
        for number in range(50):
            alive.append(number)
            yield torch.full((1, 2, 1, 1), 0.5)

    assert float(mean_and_entropy(stream())[1]) == pytest.approx(1)
    assert alive == list(range(50))


def test_votes_are_counted() -> None:
    all_of_them = predictions(7)
    classes = all_of_them.argmax(2)
    expected = torch.stack([(classes == c).sum(0) for c in range(CLASSES)], dim=1).float()
    assert torch.equal(hard_votes(all_of_them), expected)


def test_inconsistency_is_scipys_jensen_shannon() -> None:
    first, second = predictions(2)
    expected = jensenshannon(first.double().numpy(), second.double().numpy(), base=2, axis=1) ** 2
    np.testing.assert_allclose(inconsistency(first, second), expected, atol=1e-6)
    torch.testing.assert_close(inconsistency(first, second), inconsistency(second, first))
    assert inconsistency(first, first).max() < 1e-6


def test_certain_and_huge_logits_stay_finite() -> None:
    logits = torch.where(torch.eye(CLASSES).bool(), 1e4, -1e4)[:, :, None, None]
    probs = logits.softmax(1)
    assert torch.equal(probability_entropy(probs), torch.zeros(CLASSES, 1, 1))
    assert torch.equal(mutual_information(*mean_and_entropy([probs, probs])), torch.zeros(CLASSES, 1, 1))
    torch.testing.assert_close(inconsistency(probs, probs.flip(1))[[0, 2], 0, 0], torch.tensor([1.0, 0.0]))


def test_bad_input_is_refused() -> None:
    for call in (mean_and_entropy, hard_votes):
        with pytest.raises(ValueError, match="one prediction or more"):
            call([])
    for shape in ((5, 3, 4), (1, 1, 3, 4)):
        with pytest.raises(ValueError, match="C at least 2"):
            probability_entropy(torch.ones(shape))
