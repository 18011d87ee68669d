from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world
from scipy.stats import entropy

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.presets import load_preset
from seglens.config import PartConfig, resolve
from seglens.registry import cuts, picks, scores
from seglens.types import Allowance, Chance, RoundState, SeglensError, Unit


@pytest.fixture(scope="module")
def world():
    return make_world(5, native=(20, 28))


def build(registry, world, tmp_path, name, **params):
    return registry.build(PartConfig(name=name, **params), world.context(tmp_path))


@pytest.mark.parametrize("nu", [0.0, 6.0, 12.0])
def test_pixbal_equals_two_sweeps(world, tmp_path, nu):
    score, cut = (
        build(scores, world, tmp_path, "pixbal", nu=nu),
        build(cuts, world, tmp_path, "grid", rows=3, columns=4),
    )
    rows = world.rows(score, cut, batch=2)
    logits = torch.stack([world.logits[id] for id in world.ids]).double()
    share = torch.softmax(logits / 0.1, 1).mean((0, 2, 3))
    weight = (nu * share + 1) ** -2
    ordered = torch.softmax(logits, 1).sort(1, descending=True)
    u = ordered.values[:, 1] / ordered.values[:, 0] * weight[ordered.indices[:, 0]]
    labels = cut.regions(None, world.evidence(world.ids), Chance((0,)))[0].labels
    expected = [float(u[i][torch.from_numpy(labels == n)].mean()) for i in range(5) for n in range(12)]
    np.testing.assert_allclose(score.finish(rows), expected, rtol=1e-5)


def test_pixbal_needs_its_pool_sums(world, tmp_path):
    score = build(scores, world, tmp_path, "pixbal")
    rows = world.rows(score, build(cuts, world, tmp_path, "image"))
    rows.sums = {}
    with pytest.raises(SeglensError, match="pool sum class_mass"):
        score.finish(rows)


def test_pixbal_ranks_the_rare_class_first(world, tmp_path):
    score = build(scores, world, tmp_path, "pixbal")
    rows = world.rows(score, build(cuts, world, tmp_path, "image")).take(np.array([0, 1]))
    rows.sums = {"class_mass": np.array([97.0, 1, 1, 1, 0]), "pixels": np.array([100.0])}
    rows.arrays["by_class"] = np.array([[0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0.5]], np.float32)
    common, rare = score.finish(rows)
    assert rare == pytest.approx(0.5)
    assert common == pytest.approx(0.5 / (6 * 0.97 + 1) ** 2)


def test_random_is_uniform_over_regions_whatever_their_size(world, tmp_path):
    score = build(scores, world, tmp_path, "random")
    fine = score.finish(world.rows(score, build(cuts, world, tmp_path, "grid", rows=20, columns=28)))
    assert len(np.unique(fine)) == len(fine)
    counts = np.histogram(fine, bins=10, range=(0, 1))[0]
    assert counts.min() > 0.8 * len(fine) / 10
    assert counts.max() < 1.2 * len(fine) / 10


def test_random_differs_by_round_and_image(world, tmp_path):
    score = build(scores, world, tmp_path, "random")
    a, b = (score.pixels(world.evidence(world.ids, chance=Chance((0, r)))).value for r in (1, 2))
    assert len(a.unique()) == 5
    assert not torch.isclose(a, b).any()


def test_random_does_not_look_at_the_model(world, tmp_path):
    score = build(scores, world, tmp_path, "random")
    before = score.pixels(world.evidence(world.ids, needs=frozenset())).value
    other = make_world(5, native=(20, 28), seed=3)
    assert torch.equal(score.pixels(other.evidence(world.ids, needs=frozenset())).value, before)


def test_scores_are_not_stretched_to_each_image(tmp_path):
    # A pool of one certain and one uncertain image: a per-image min-max would make both reach 1.
    world = make_world(2)
    certain, uncertain = world.ids
    world.logits[certain] = world.logits[certain] * 50
    world.logits[uncertain] = world.logits[uncertain] * 0.01
    cut = build(cuts, world, tmp_path, "grid", rows=4, columns=4)
    for name in ("entropy", "margin", "bvsb", "pixbal"):
        score = build(scores, world, tmp_path, name)
        values = score.finish(world.rows(score, cut))
        assert values[:16].max() < values[16:].min(), name


@pytest.mark.parametrize(("aggregate", "most"), [("max", 1), ("mean", 560), ("top", 56)])
def test_one_versus_rest_counts_a_region_by_its_most_doubtful_class(world, tmp_path, aggregate, most):
    score = build(scores, world, tmp_path, "one-vs-rest", aggregate=aggregate)
    rows = world.rows(score, build(cuts, world, tmp_path, "image"))
    for place, id in enumerate(world.ids):
        probs = world.logits[id].softmax(0).flatten(1).double().numpy()
        each = -np.sort(-entropy(np.stack([probs, 1 - probs]), base=2), axis=1)[:, :most].mean(1)
        np.testing.assert_allclose(rows.arrays["by_class"][place], each, rtol=1e-4)
        assert score.finish(rows)[place] == pytest.approx(each.max(), rel=1e-4)


@pytest.mark.parametrize("balance", ["regions", "pixels"])
def test_bvsb_weighs_common_classes_down(world, tmp_path, balance):
    cut = build(cuts, world, tmp_path, "grid", rows=3, columns=4)
    score = build(scores, world, tmp_path, "bvsb", balance=balance)
    found = score.finish(world.rows(score, cut, batch=2))
    labels = cut.regions(None, world.evidence(world.ids), Chance((0,)))[0].labels
    probs = torch.stack([world.logits[id] for id in world.ids]).double().softmax(1)
    ordered = probs.sort(1, descending=True)
    u, group = (ordered.values[:, 1] / ordered.values[:, 0]).numpy(), ordered.indices[:, 0].numpy()
    each = [
        (u[i][labels == n].mean(), np.bincount(group[i][labels == n]).argmax()) for i in range(5) for n in range(12)
    ]
    classes = [c for _, c in each] if balance == "regions" else group.ravel().tolist()
    expected = [mean * np.exp(-classes.count(c) / len(classes)) for mean, c in each]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_balance_needs_the_predicted_classes(world, tmp_path):
    score = build(scores, world, tmp_path, "bvsb", balance="pixels")
    rows = world.rows(score, build(cuts, world, tmp_path, "image"))
    rows.sums = {}
    with pytest.raises(SeglensError, match="pool sum class_pixels"):
        score.finish(rows)


def test_random_tells_the_share_of_each_predicted_class_on_request(world, tmp_path):
    cut = build(cuts, world, tmp_path, "grid", rows=3, columns=5)
    plain, telling = (build(scores, world, tmp_path, "random", classes=classes) for classes in (False, True))
    rows = world.rows(telling, cut)
    np.testing.assert_allclose(rows.arrays["by_class"], rows.arrays["share"], rtol=1e-6)
    assert np.array_equal(telling.finish(rows), plain.finish(world.rows(plain, cut)))


def test_a_class_is_drawn_from_with_odds_of_its_share(world, tmp_path):
    # One click a class; of the regions with the class, one with three times the share is drawn three times as often.
    rows = world.rows(build(scores, world, tmp_path, "random", classes=True), build(cuts, world, tmp_path, "image"))
    share = np.zeros((5, 5), np.float32)
    share[[0, 1], 0] = 0.25, 0.75
    share[2:, 1:4] = np.eye(3)
    rows.arrays["by_class"] = share
    pick = picks.build(resolve({}, load_preset("random-stratified"), "").pick, None)
    state, budget = RoundState(1, 4, 5), Allowance(Unit.CLICKS, 5.0, np.full(5, 1.0))
    first = [
        next(row for row in pick.choose(rows, np.ones(5), budget, state, Chance((seed,))) if row < 2)
        for seed in range(400)
    ]
    assert np.mean(first) == pytest.approx(0.75, abs=0.07)


def test_entropy_by_probable_class_is_that_of_clasp_pe(world, tmp_path):
    score = build(scores, world, tmp_path, "entropy", by_class="probable")
    cut = build(cuts, world, tmp_path, "image")
    rows = world.rows(score, cut)
    for place, id in enumerate(world.ids):
        probs = world.logits[id].softmax(0).flatten(1).double().numpy()
        expected = (entropy(probs, base=5) * probs).mean(1)
        np.testing.assert_allclose(rows.arrays["by_class"][place], expected, rtol=1e-4)
    np.testing.assert_allclose(rows.arrays["by_class"].sum(1), score.finish(rows), rtol=1e-5)
