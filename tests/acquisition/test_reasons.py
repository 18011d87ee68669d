from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from arrays import CLASSES

from seglens.acquisition.reasons import first_round_reason, reason, words
from seglens.functional.run_lengths import encode
from seglens.types import Region


def region(mask):
    return Region("a", mask.shape, encode(mask), "key", 0)


def case(seed, size=(10, 14)):
    rng = np.random.default_rng(seed)
    mask = np.zeros((20, 28), bool)
    top, left = rng.integers(0, 12), rng.integers(0, 20)
    mask[top : top + 7, left : left + 8] = True
    probs = torch.softmax(torch.from_numpy(rng.normal(size=(5, *size))), 0).numpy().astype(np.float32)
    share = rng.dirichlet(np.ones(5) * 0.5)
    return mask, probs, share


@pytest.mark.parametrize("seed", range(20))
def test_every_number_is_that_of_the_region(seed):
    mask, probs, share = case(seed, size=(20, 28))
    found = reason(region(mask), (20, 28), probs, 0.37, share, CLASSES)
    mean = probs[:, mask].mean(1)
    first, second = np.argsort(-mean)[:2]
    assert found["classes"] == [first, second]
    assert found["margin"] == pytest.approx(mean[first] - mean[second], abs=1e-6)
    p = probs[:, mask]
    assert found["entropy"] == pytest.approx(-(p * np.log(p)).sum(0).mean() / np.log(5), abs=1e-6)
    assert found["share"] == pytest.approx(share[first])
    assert found["rare"] == (share[first] < 0.05)
    assert (found["pixels"], found["score"]) == (56, 0.37)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("seed", range(20))
def test_every_number_and_class_in_the_words_stands_in_the_reason(seed):
    mask, probs, share = case(seed)
    found = reason(region(mask), (10, 14), probs, 0.37, share, CLASSES)
    text = words(found)
    assert [float(number) for number in re.findall(r"\d+\.\d+", text)] == [pytest.approx(found["margin"], abs=0.005)]
    named = [name for name in CLASSES.names if re.search(rf"\b{name}\b", text)]
    assert sorted(named) == sorted(CLASSES.names[c] for c in found["classes"])
    assert ("rare class" in text) == found["rare"]


def test_the_words_of_the_issue():
    said = words({"names": ["rider", "pedestrian"], "margin": 0.0371, "rare": True})
    assert said == "rider or pedestrian, margin 0.04, rare class"


@pytest.mark.parametrize(
    ("top", "left", "place"), [(0, 0, "top left"), (15, 12, "bottom"), (8, 24, "right"), (8, 12, "middle")]
)
def test_the_place_in_words(top, left, place):
    mask = np.zeros((20, 28), bool)
    mask[top : top + 4, left : left + 4] = True
    assert first_round_reason(region(mask), CLASSES)["place"] == place


def test_without_shares_nothing_is_called_rare():
    mask, probs, _ = case(0)
    found = reason(region(mask), (10, 14), probs, 0.1, None, CLASSES)
    assert (found["share"], found["rare"]) == (None, False)


def test_a_region_smaller_than_a_pixel_of_the_model_has_a_reason():
    mask = np.zeros((20, 28), bool)
    mask[19, 27] = True
    _, probs, share = case(0, size=(3, 4))
    found = reason(region(mask), (3, 4), probs, 0.1, share, CLASSES)
    assert found["probs"][0] == pytest.approx(probs[:, 2, 3].max())


def test_the_first_round_says_so():
    mask, _, _ = case(0)
    assert words(first_round_reason(region(mask), CLASSES)) == "first round: spread over images"
    near = first_round_reason(region(mask), CLASSES, maps={"proximity": np.float32(0.5)})
    assert words(json.loads(json.dumps(near))) == "first round: spread over images, near"


MAPS = {"ebu": 0.6214, "pae": 0.8049, "proximity": 0.25}


@pytest.mark.parametrize("seed", range(10))
def test_maps_are_kept_and_said(seed):
    mask, probs, share = case(seed)
    found = reason(region(mask), (10, 14), probs, 0.37, share, CLASSES, maps=MAPS)
    assert {key: value for key, value in found.items() if key != "maps"} == reason(
        region(mask), (10, 14), probs, 0.37, share, CLASSES
    )
    assert found["maps"] == MAPS
    assert json.loads(json.dumps(found)) == found
    first, second = (CLASSES.names[c] for c in found["classes"])
    rare = ", rare class" if found["rare"] else ""
    assert words(found) == f"near {first}, perhaps {second}: entropy 0.62, attention 0.80{rare}"


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"ebu": 0.6, "pae": 0.8, "proximity": 0.24}, "far rider, perhaps person: entropy 0.60, attention 0.80"),
        ({"ebu": 0.6}, "rider, perhaps person: entropy 0.60"),
        ({"pae": 0.8, "proximity": 0.9}, "near rider, perhaps person: attention 0.80"),
        ({"other": 0.8}, "rider or person, margin 0.04"),
        ({"proximity": 0.25}, "near rider or person, margin 0.04"),
        ({"proximity": 0.24}, "far rider or person, margin 0.04"),
        ({}, "rider or person, margin 0.04"),
    ],
)
def test_only_maps_that_are_there_are_said(maps, said):
    assert words({"names": ["rider", "person"], "margin": 0.0371, "rare": False, "maps": maps}) == said


def test_float32_means_become_plain_numbers():
    mask, probs, share = case(0)
    maps = {"ebu": np.float32(0.25)}
    assert type(reason(region(mask), (10, 14), probs, 0.1, share, CLASSES, maps=maps)["maps"]["ebu"]) is float
    assert "maps" not in reason(region(mask), (10, 14), probs, 0.1, share, CLASSES, maps={})
