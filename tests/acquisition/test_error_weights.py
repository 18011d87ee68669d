from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from seglens.acquisition.score.error_weights import auroc, fit, logistic
from seglens.types import Seen, SeglensError


def case(seed, n=3000, slopes=(1.0, 3.0), base=-3.5):
    """Maps in [0, 1] and errors that follow them."""
    rng = np.random.default_rng(seed)
    maps = rng.random((n, 2)) ** 2
    wrong = rng.random(n) < 1 / (1 + np.exp(-(base + maps @ np.array(slopes))))
    return maps, wrong


def seen(maps, wrong, name="a", unknown=0):
    side = len(maps) // 20
    state = wrong.astype(np.int8)
    state[:unknown] = -1
    shaped = {key: maps[:, k].reshape(20, side).astype(np.float32) for k, key in enumerate(("pae", "ebu"))}
    return Seen(name, shaped, state.reshape(20, side))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ridge", [1.0, 50.0])
def test_it_is_scikit_learns_balanced_regression(seed, ridge):
    maps, wrong = case(seed, slopes=(1.0 - seed, 3.0), base=-3.5 + seed)
    model = LogisticRegression(C=1 / ridge, class_weight="balanced", tol=1e-10, max_iter=1000).fit(maps, wrong)
    expected = [*model.coef_[0], model.intercept_[0]]
    np.testing.assert_allclose(logistic(maps, wrong, ridge), expected, rtol=1e-4, atol=1e-5)


def test_separable_errors_have_finite_coefficients():
    maps, _ = case(0)
    wrong = maps[:, 1] > 0.5
    model = LogisticRegression(C=1, class_weight="balanced", tol=1e-10, max_iter=5000).fit(maps, wrong)
    np.testing.assert_allclose(logistic(maps, wrong)[:2], model.coef_[0], rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_scikit_learns(seed):
    maps, wrong = case(seed, 400)
    for value in (maps[:, 1], np.round(maps[:, 1], 1), np.zeros(400)):
        assert auroc(value, wrong) == pytest.approx(roc_auc_score(wrong, value))


def test_the_weights_follow_the_errors():
    maps, wrong = case(1)
    learnt = fit([seen(maps, wrong)])
    assert json.loads(json.dumps(learnt)) == learnt
    coefficients = logistic(maps.astype(np.float32), wrong)
    assert learnt["fitted"]
    assert learnt["coefficients"]["ebu"] == pytest.approx(coefficients[1], rel=1e-5)
    assert learnt["intercept"] == pytest.approx(coefficients[2], rel=1e-5)
    assert learnt["weights"]["ebu"] == pytest.approx(coefficients[1] / coefficients[:2].sum(), rel=1e-5)
    assert sum(learnt["weights"].values()) == pytest.approx(1)
    assert (learnt["images"], learnt["pixels"], learnt["known"], learnt["clipped"]) == (1, 3000, 3000, [])
    assert learnt["share_wrong"] == pytest.approx(wrong.mean())
    assert learnt["auroc"]["learned"] == pytest.approx(roc_auc_score(wrong, maps.astype(np.float32) @ coefficients[:2]))
    assert learnt["auroc"]["learned"] >= max(learnt["auroc"][name] for name in ("equal", "pae", "ebu")) - 1e-3


def test_a_map_that_falls_with_error_weighs_nothing_and_is_named():
    maps, wrong = case(2, slopes=(-2.0, 4.0), base=-2)
    learnt = fit([seen(maps, wrong)])
    assert (learnt["weights"], learnt["clipped"]) == ({"pae": 0.0, "ebu": 1.0}, ["pae"])
    assert learnt["coefficients"]["pae"] < 0
    assert learnt["auroc"]["learned"] == pytest.approx(learnt["auroc"]["ebu"])
    maps, wrong = case(2, slopes=(-2.0, -4.0), base=1)
    learnt = fit([seen(maps, wrong)])
    assert (learnt["fitted"], learnt["why"]) == (False, "neither map rises with error")
    assert (learnt["weights"], learnt["clipped"]) == ({"pae": 0.5, "ebu": 0.5}, ["pae", "ebu"])


@pytest.mark.parametrize(
    ("state", "why"),
    [(0, "every known pixel was right"), (1, "every known pixel was wrong"), (-1, "no answer about a prediction")],
)
def test_nothing_to_fit_to_gives_equal_weights_and_says_why(state, why):
    maps, _ = case(3)
    learnt = fit([seen(maps, np.full(3000, state))])
    assert not learnt["fitted"]
    assert why in learnt["why"]
    assert learnt["weights"] == {"pae": 0.5, "ebu": 0.5}
    assert learnt["pixels"] == (0 if state < 0 else 3000)


def test_no_images_at_all():
    assert fit(iter(())) == {
        "images": 0,
        "known": 0,
        "pixels": 0,
        "fitted": False,
        "why": "no answer about a prediction is known yet",
        "weights": {"pae": 0.5, "ebu": 0.5},
    }


def test_unknown_pixels_say_nothing():
    maps, wrong = case(4)
    whole = fit([seen(maps[1000:], wrong[1000:])])
    # wrong where unknown, if it were read
    part = fit([seen(maps, np.concatenate([np.ones(1000, bool), wrong[1000:]]), unknown=1000)])
    assert part["weights"]["pae"] == pytest.approx(whole["weights"]["pae"], rel=1e-6)
    assert part["share_wrong"] == whole["share_wrong"]


def test_pixels_are_drawn_alike_and_whatever_the_order():
    images = [seen(*case(seed), name=f"image {seed}") for seed in range(8)]
    whole, drawn = fit(images), fit(images, most=4000)
    assert (drawn["pixels"], drawn["known"], drawn["images"]) == (4000, 24000, 8)
    assert fit(images[::-1], most=4000) == drawn
    assert drawn["share_wrong"] == pytest.approx(whole["share_wrong"], abs=0.02)
    assert drawn["weights"]["pae"] == pytest.approx(whole["weights"]["pae"], abs=0.1)
    assert drawn != fit([*images[:7], images[0]], most=4000)


def test_images_without_maps_are_refused():
    maps, wrong = case(0)
    image = seen(maps, wrong)
    with pytest.raises(SeglensError, match=r"image 'a': expected a map 'ebu' of \(20, 150\), found pae"):
        fit([Seen("a", {"pae": image.maps["pae"]}, image.wrong)])
    with pytest.raises(SeglensError, match=r"found pae \(20, 150\), ebu \(5, 5\)"):
        fit([Seen("a", {**image.maps, "ebu": np.zeros((5, 5))}, image.wrong)])
    image.maps["pae"][3, 4] = np.nan
    with pytest.raises(SeglensError, match="image 'a': map 'pae' is not finite"):
        fit([image])
