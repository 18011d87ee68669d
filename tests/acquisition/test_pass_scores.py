"""Scores of many passes, and least confidence, against plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import scores
from seglens.types import SeglensError


@pytest.fixture(scope="module")
def world():
    return make_world(3)


def build(world, tmp_path, name, **params):
    return scores.build(PartConfig(name=name, **params), world.context(tmp_path))


def entropy(p: np.ndarray) -> np.ndarray:
    """Over the second axis, by log C; 0 log 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.where(p > 0, p * np.log(p), 0).sum(1) / math.log(p.shape[1])


@pytest.mark.parametrize("passes", [1, 7, 20])
def test_vote_entropy_is_that_of_the_votes(world, tmp_path, passes):
    ev = world.evidence(world.ids)
    found = build(world, tmp_path, "vote-entropy", passes=passes).pixels(ev)
    votes = ev.votes(passes).numpy()
    np.testing.assert_allclose(found.value, entropy(votes / passes), atol=1e-6)
    assert np.array_equal(found.group, votes.argmax(1))
    assert found.classes == 5


def test_one_pass_is_never_undecided(world, tmp_path):
    value = build(world, tmp_path, "vote-entropy", passes=1).pixels(world.evidence(world.ids)).value
    assert value.abs().max() < 1e-6


def test_mc_entropy_is_that_of_the_mean_probability(world, tmp_path):
    ev = world.evidence(world.ids)
    found = build(world, tmp_path, "mc-entropy", passes=6).pixels(ev)
    mean = ev.sampled(6).double().numpy()
    np.testing.assert_allclose(found.value, entropy(mean), atol=1e-5)
    assert np.array_equal(found.group, mean.astype(np.float32).argmax(1))


def test_least_confidence_is_what_the_likeliest_class_lacks(world, tmp_path):
    ev = world.evidence(world.ids)
    found = build(world, tmp_path, "least-confidence").pixels(ev)
    np.testing.assert_allclose(found.value, 1 - ev.probs.amax(1).numpy(), atol=1e-6)


@pytest.mark.parametrize("name", ["vote-entropy", "mc-entropy"])
def test_a_score_without_a_pass_is_refused(world, tmp_path, name):
    with pytest.raises(SeglensError, match=r"passes.*found 0"):
        build(world, tmp_path, name, passes=0)
    assert build(world, tmp_path, name).params.passes == 20
