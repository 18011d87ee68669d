from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.protocols import Learner
from seglens.registry import cuts, scores
from seglens.types import CamSpec, Gate, Seen, SeglensError


@pytest.fixture(scope="module")
def world():
    return make_world(4)


def build(**params):
    return scores.build(PartConfig(name="explainable-error", **params), None)


def pixels(world, score):
    return score.pixels(world.evidence(world.ids, needs=score.needs))


def doubt(world):
    p = torch.stack([world.logits[id] for id in world.ids]).double().softmax(1)
    return -(p * p.log()).sum(1) / np.log(5)


@pytest.mark.parametrize(
    ("weights", "pae", "ebu"), [("equal", 0.5, 0.5), ([1, 0], 1, 0), ([0, 1], 0, 1), ([1, 3], 0.25, 0.75)]
)
def test_it_is_the_weighted_sum(world, weights, pae, ebu):
    score = build(weights=weights)
    px = pixels(world, score)
    ev = world.evidence(world.ids)
    expected = pae * ev.cam(score.spec) + ebu * doubt(world)
    np.testing.assert_allclose(px.value, expected, atol=1e-5)
    assert 0 <= px.value.min() <= px.value.max() <= 1
    assert torch.equal(px.group, ev.values.argmax(1))
    assert px.classes == 5


def test_the_maps_are_named_in_the_order_that_they_are_in(world):
    px = pixels(world, build())
    ev = world.evidence(world.ids)
    assert px.names == ("ebu", "pae", "proximity")
    assert px.dense.shape == (4, 3, *world.size)
    np.testing.assert_allclose(px.dense[:, 0], doubt(world), atol=1e-5)
    assert torch.equal(px.dense[:, 2], ev.proximity)
    np.testing.assert_allclose(px.value, (px.dense[:, 0] + px.dense[:, 1]) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "needs", "names"),
    [
        ([0, 1], {"logits"}, ("ebu",)),
        ([1, 0], {"logits", "cam", "proximity"}, ("pae", "proximity")),
        ("learned", {"logits", "cam", "proximity"}, ("ebu", "pae", "proximity")),
    ],
)
def test_what_has_no_weight_is_not_computed(world, weights, needs, names):
    score = build(weights=weights)
    assert score.needs == needs
    assert pixels(world, score).names == names  # reading what is not declared would raise


def test_the_map_variant_is_the_plain_images_map_times_proximity(world):
    score = build(pae="map", weights=[1, 0])
    ev = world.evidence(world.ids)
    assert score.spec == CamSpec(classes="all", gate=None)
    assert torch.equal(pixels(world, score).value, ev.cam(CamSpec(classes="all")) * ev.proximity)


def test_every_value_reaches_the_map():
    score = build(
        layer="bottleneck",
        aggregate="share",
        normalise="peak",
        channel_weights="positive",
        patches=[4, 8],
        threshold="otsu",
        percentile=90,
        spread=2,
        mode="hard",
    )
    gate = Gate((4, 8), "otsu", 90.0, 2.0, "hard")
    assert score.spec == CamSpec("bottleneck", "present", "positive", "share", "peak", gate)
    assert build().spec == CamSpec(gate=Gate())


@pytest.mark.parametrize("params", [{}, {"weights": [0, 1]}, {"weights": "learned", "pae": "map"}])
def test_a_confident_image_ranks_below_an_uncertain_one(params, tmp_path):
    """With each image's entropy stretched to [0, 1] by itself, their order would turn round."""
    world = make_world(2)
    confident, uncertain = world.ids
    for id, mostly, few in ((confident, 6.0, 8.0), (uncertain, 3.0, 0.0)):
        logits = torch.zeros(5, *world.size)
        logits[0] = mostly
        logits[0, :, ::10] = few
        world.logits[id] = logits
    score = build(**params)
    rows = world.rows(score, cuts.build(PartConfig(name="image"), world.context(tmp_path)))
    value = dict(zip(rows.images, score.finish(rows), strict=True))
    assert value[uncertain] > value[confident] + 0.1
    ebu = doubt(world)
    low, high = ebu.amin((1, 2), keepdim=True), ebu.amax((1, 2), keepdim=True)
    stretched = ((ebu - low) / (high - low)).mean((1, 2))
    assert stretched[0] > stretched[1] + 0.5


@pytest.mark.parametrize("weights", [[-1, 1], [0, 0], [0.5, float("nan")], [1], "best"])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(SeglensError, match=r"score 'explainable-error': key 'weights"):
        build(weights=weights)


def test_a_grid_without_patches_is_refused():
    with pytest.raises(SeglensError, match="patches must be at least 1 x 1"):
        build(patches=[0, 4])


def test_learnt_weights_are_taken_up_in_another_process(world):
    rng = np.random.default_rng(0)
    ebu, pae = rng.random((2, 40, 50)).astype(np.float32)
    wrong = (rng.random((40, 50)) < 0.1 + 0.6 * ebu + 0.2 * pae).astype(np.int8)
    score = build(weights="learned")
    assert isinstance(score, Learner)
    before = pixels(world, score)
    np.testing.assert_allclose(before.value, (before.dense[:, 0] + before.dense[:, 1]) / 2, atol=1e-6)
    learnt = json.loads(json.dumps(score.learn([Seen("a", {"ebu": ebu, "pae": pae}, wrong)])))
    other = build(weights="learned")
    other.recall(learnt)
    after = pixels(world, other)
    expected = learnt["weights"]["ebu"] * after.dense[:, 0] + learnt["weights"]["pae"] * after.dense[:, 1]
    np.testing.assert_allclose(after.value, expected, atol=1e-6)
    assert learnt["fitted"]
    assert learnt["weights"]["ebu"] > 0.6
    with pytest.raises(SeglensError, match="no weights in what was learnt"):
        other.recall({"fitted": True})


def test_fixed_weights_stay(world):
    score = build(weights=[1, 3])
    learnt = score.learn(iter(()))
    assert (learnt["fitted"], learnt["weights"]) == (False, {"pae": 0.25, "ebu": 0.75})
    score.recall({"weights": {"pae": 1.0, "ebu": 0.0}})
    assert score.weights == (0.25, 0.75)
