"""Scores that need more than one pass, against plain NumPy, and the bugs that public code has of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world
from scipy.stats import entropy as scipy_entropy

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import cuts, picks, scores
from seglens.types import IGNORE, Allowance, Chance, RoundState, SeglensError, Unit

NAMES = ["bald", "committee", "odin", "flip-disagreement", "true-error"]


@pytest.fixture(scope="module")
def world():
    return make_world(3)


def build(world, tmp_path, name, **params):
    score = scores.build(PartConfig(name=name, **params), world.context(tmp_path))
    if score.privileged:
        score.reveal(world.labels)
    return score


def noisy(ev, passes: int) -> np.ndarray:
    """(passes, N, C, h, w) probabilities, as the evidence draws them."""
    return torch.stack([z.softmax(1) for z in ev._passes(passes)]).double().numpy()


def mean_kl(probs: np.ndarray) -> np.ndarray:
    return np.mean([scipy_entropy(p, probs.mean(0), axis=1) for p in probs], axis=0) / np.log(probs.shape[2])


# -- bald and committees ---------------------------------------------------------------------------------------------


def test_bald_is_the_mean_divergence_of_passes_from_their_mean(world, tmp_path):
    ev = world.evidence(world.ids)
    found = build(world, tmp_path, "bald", passes=6).pixels(ev)
    probs = noisy(ev, 6)
    np.testing.assert_allclose(found.value, mean_kl(probs), atol=1e-5)
    assert (found.group.numpy() == probs.mean(0).argmax(1)).mean() > 0.999
    assert np.abs(found.value.numpy() - scipy_entropy(probs.mean(0), axis=1) / np.log(5)).mean() > 0.05


@pytest.mark.parametrize("companion", ["snapshots", "heads"])
@pytest.mark.parametrize("disagreement", ["mean-kl", "vote-entropy"])
def test_a_committee_disagrees_as_its_members_do(world, tmp_path, companion, disagreement):
    ev = world.evidence(world.ids, needs=frozenset({f"members:{companion}"}))
    score = build(world, tmp_path, "committee", companion=companion, disagreement=disagreement)
    assert score.needs == {f"members:{companion}"}
    found, probs = score.pixels(ev).value.numpy(), noisy(ev, 3)
    if disagreement == "mean-kl":
        np.testing.assert_allclose(found, mean_kl(probs), atol=1e-5)
        return
    votes = np.eye(5)[probs.argmax(2)].mean(0)
    np.testing.assert_allclose(found, scipy_entropy(votes, axis=-1) / np.log(5), atol=1e-6)


def test_values_without_meaning_are_refused(world, tmp_path):
    with pytest.raises(SeglensError, match=r"score 'bald': key 'passes', found 1"):
        build(world, tmp_path, "bald", passes=1)
    with pytest.raises(SeglensError, match="key 'companion', found 'ema-teacher'"):
        build(world, tmp_path, "committee", companion="ema-teacher")
    with pytest.raises(SeglensError, match="key 'epsilon', found -1"):
        build(world, tmp_path, "odin", epsilon=-1)


# -- odin ------------------------------------------------------------------------------------------------------------


def test_odin_is_one_less_the_greatest_softmax_at_a_temperature(world, tmp_path):
    score = build(world, tmp_path, "odin", temperature=20, epsilon=0.5)
    assert score.needs == {"perturbed"}
    ev = world.evidence(world.ids, needs=score.needs)
    logits = ev.perturbed(20.0, 0.5).double()
    np.testing.assert_allclose(score.pixels(ev).value, 1 - (logits / 20).softmax(1).amax(1), atol=1e-6)


def test_without_epsilon_odin_is_the_temperature_alone(world, tmp_path):
    score = build(world, tmp_path, "odin", temperature=1, epsilon=0)
    assert score.needs == {"logits"}
    ev = world.evidence(world.ids, needs=score.needs)
    expected = build(world, tmp_path, "least-confidence").pixels(ev)
    assert torch.equal(score.pixels(ev).value, expected.value)


def test_a_high_temperature_still_tells_pixels_apart(world, tmp_path):
    """All scores lie close to 1 - 1 / C; their order must survive float32."""
    ev = world.evidence(world.ids)
    value = build(world, tmp_path, "odin").pixels(ev).value[0].flatten()
    exact = (ev.perturbed(1000.0, 0.0014)[0].double() / 1000).softmax(0).amax(0).flatten()
    order = torch.argsort(exact)
    assert (value[order].diff() <= 1e-7).all()
    assert len(value.unique()) > 200


# -- flip-disagreement -----------------------------------------------------------------------------------------------


class Mirrored:
    """Evidence of given probabilities of the image and of its mirror image."""

    def __init__(self, probs, mirrored):
        self.probs, self.mirrored = torch.tensor(probs), torch.tensor(mirrored)

    def view(self, name):
        assert name == "flip"
        return self.mirrored


def pixel(*probs: float) -> list[list[list[float]]]:
    return [[[p]] for p in probs]


def test_flips_that_disagree_score_higher(tmp_path, world):
    """Entropies alone (best_practices_ALSS) cannot tell these: both predictions are as sure in each image."""
    first = [pixel(0.8, 0.1, 0.1), pixel(0.8, 0.1, 0.1), pixel(1.0, 0.0, 0.0), pixel(1.0, 0.0, 0.0)]
    second = [pixel(0.8, 0.1, 0.1), pixel(0.1, 0.8, 0.1), pixel(1.0, 0.0, 0.0), pixel(0.0, 0.0, 1.0)]
    value = build(world, tmp_path, "flip-disagreement").pixels(Mirrored(first, second)).value.flatten()
    assert value[1] > value[0] + 0.1
    assert value[3] > value[2] + 0.3
    assert value[2] == 0


def test_a_confident_image_is_not_stretched_to_an_uncertain_one(tmp_path, world):
    """No min-max of each image: the most doubtful pixel of a confident image stays below an uncertain image's."""
    sure = torch.tensor([[0.999, 0.001], [0.99, 0.01]]).T[None, :, None]
    unsure = torch.tensor([[0.6, 0.4], [0.5, 0.5]]).T[None, :, None]
    score = build(world, tmp_path, "flip-disagreement")
    low, high = (score.pixels(Mirrored(p.tolist(), p.tolist())).value for p in (sure, unsure))
    assert low.max() < high.min()


def test_it_is_the_mean_of_its_three_terms(tmp_path, world):
    ev = world.evidence(world.ids)
    p, q = ev.probs.double().numpy(), ev.view("flip").double().numpy()
    middle = (p + q) / 2
    js = (scipy_entropy(p, middle, axis=1) + scipy_entropy(q, middle, axis=1)) / 2 / np.log(2)
    doubt = (scipy_entropy(p, axis=1) + scipy_entropy(q, axis=1)) / np.log(5)
    found = build(world, tmp_path, "flip-disagreement").pixels(ev)
    np.testing.assert_allclose(found.value, (doubt + js) / 3, atol=1e-5)
    assert np.array_equal(found.group, ev.probs.argmax(1))


# -- true-error ------------------------------------------------------------------------------------------------------


def test_true_error_is_one_where_the_prediction_is_wrong_and_nothing_on_void(world, tmp_path):
    found = build(world, tmp_path, "true-error").pixels(world.evidence(world.ids))
    wrong = 0
    for index, id in enumerate(world.ids):
        truth = world.labels.label(id)[1::2, 1::2]  # the pixel under each centre, at half the size
        expected = (world.logits[id].argmax(0).numpy() != truth) & (truth != IGNORE)
        assert np.array_equal(found.value[index].numpy(), expected)
        assert not found.value[index].numpy()[truth == IGNORE].any()
        wrong += int(expected.sum())
    assert wrong > 0


# -- all -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_stratified_batch_can_be_picked_from_it(world, tmp_path, name):
    context = world.context(tmp_path)
    rows = world.rows(build(world, tmp_path, name), cuts.build(PartConfig(name="grid", rows=4, columns=5), context))
    pick = picks.build(PartConfig(name="stratified"), context)
    chosen = pick.choose(
        rows,
        rows.arrays["value"].astype(np.float64),
        Allowance(Unit.CLICKS, 12.0, np.ones(len(rows))),
        RoundState(1, 4, 5),
        Chance((0,)),
    )
    assert len(chosen) == 12
    assert rows.arrays["by_class"].shape == (60, 5)


@pytest.mark.parametrize("name", NAMES)
def test_images_that_are_certain_beyond_measure_score_finitely(tmp_path, name):
    world = make_world(2)
    for id in world.ids:
        world.logits[id] = torch.where(world.logits[id] == world.logits[id].amax(0), 1e4, -1e4)
    value = build(world, tmp_path, name).pixels(world.evidence(world.ids)).value
    assert torch.isfinite(value).all()
    if name in ("bald", "committee"):
        assert value.max() == 0
