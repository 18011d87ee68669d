from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seglens.functional import attention as module
from seglens.functional.attention import attended_classes, attention, dilated, patches, whole_patches

GENERATOR = torch.Generator().manual_seed(4)


def by_loop(features, keys, queries, classes, count, temperature):
    """Eq. 7 and 8, one number at a time: (q, C) as lists. Keys and queries are (y, x) of a (D, h, w) list."""
    depth, height, width = len(features), len(features[0]), len(features[0][0])

    def patch(y, x):
        found = [
            features[d][y + i][x + j] if 0 <= y + i < height and 0 <= x + j < width else 0.0
            for d in range(depth)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        norm = math.sqrt(sum(value * value for value in found))
        return [value / max(norm, 1e-4) for value in found]

    result = []
    for query in queries:
        own = patch(*query)
        weights = []
        for key in keys:
            cosine = sum(a * b for a, b in zip(own, patch(*key), strict=True))
            weights.append(math.exp(temperature * cosine))
        shares = [0.0] * count
        for weight, named in zip(weights, classes, strict=True):
            shares[named] += weight / sum(weights)
        result.append(shares)
    return result


@pytest.mark.parametrize("temperature", [1.0, 10.0, 40.0])
def test_attention_is_that_of_a_plain_loop(temperature, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 10)  # several slices
    features = torch.randn(4, 6, 7, generator=GENERATOR)
    features[:, 0, :2] = 0
    places = [(y, x) for y in range(6) for x in range(7)]
    keys, queries = places[3::5], places[::2]
    classes = [number % 3 for number in range(len(keys))]
    unit = patches(features)
    found = attended_classes(
        unit[[places.index(place) for place in queries]],
        unit[[places.index(place) for place in keys]],
        torch.tensor(classes),
        4,
        temperature,
    )
    expected = by_loop(features.tolist(), keys, queries, classes, 4, temperature)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_patches_are_unit_vectors_and_nothing_stays_nothing():
    features = torch.randn(3, 5, 4, generator=GENERATOR)
    features[:, :, 2:] = 0
    norms = patches(features).norm(dim=1).view(5, 4)
    torch.testing.assert_close(norms[:, :3], torch.ones(5, 3))
    assert (norms[:, 3] == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_weights_over_valid_keys_sum_to_one_whatever_is_masked(seed):
    """The quirk of the layer that the paper borrows: scores times zero before the softmax leave masked keys exp(0)."""
    draw = torch.Generator().manual_seed(seed)
    queries, keys = (torch.nn.functional.normalize(torch.randn(n, 6, generator=draw)) for n in (9, 30))
    valid = torch.rand(30, generator=draw) < 0.4
    weights = attention(queries, keys, valid)
    torch.testing.assert_close(weights.sum(1), torch.ones(9))
    assert (weights[:, ~valid] == 0).all()
    torch.testing.assert_close(weights[:, valid], attention(queries, keys[valid]))
    quirk = ((10 * queries @ keys.T) * valid).softmax(1) * valid
    assert (quirk.sum(1) < 0.999).any()


def test_no_valid_key_is_refused():
    some = torch.ones(2, 3)
    for keys, valid in ((some, torch.zeros(2, dtype=torch.bool)), (some[:0], None)):
        with pytest.raises(ValueError, match="no valid key"):
            attention(some, keys, valid)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_reach_is_a_chebyshev_distance(radius):
    mask = torch.rand(9, 11, generator=GENERATOR) < 0.05
    set_ = torch.nonzero(mask).tolist()
    for y in range(9):
        for x in range(11):
            near = any(max(abs(y - v), abs(x - u)) <= radius for v, u in set_)
            assert bool(dilated(mask, radius)[y, x]) == near


def test_a_whole_patch_has_no_column_outside_the_mask():
    mask = torch.rand(8, 9, generator=GENERATOR) < 0.85
    found = whole_patches(mask)
    for y in range(8):
        for x in range(9):
            assert bool(found[y, x]) == bool(mask[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].all())
    assert found.any()
    assert not found.all()
