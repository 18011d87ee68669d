"""What picks may read of a region beside its score, against plain loops over its pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seglens.acquisition.rows import reduce_rows
from seglens.acquisition.traits import WIDTH, Traits
from seglens.config import ModelConfig
from seglens.data.streets import Streets
from seglens.evidence import NetEvidence
from seglens.models import build_network, load_image
from seglens.types import Chance, PixelScore, RegionSet

SIZE = (40, 72)  # padded to 64 x 96
CHANCE = Chance((0,))
NAMES = frozenset({"features", "gradient", "edges", "place"})


@pytest.fixture(scope="module")
def data():
    return Streets(Streets.Params(images=3, size=(64, 96)))


def network(data, **model):
    return build_network(ModelConfig(size=SIZE, width=32, **model), data.classes, CHANCE).eval()


def evidence(data, net, needs, ids=None):
    return NetEvidence(ids or data.ids, data, SIZE, CHANCE, frozenset(needs), net, precision="float32")


def regions(data, id):
    labels = (np.arange(64)[:, None] // 16 * 3 + np.arange(96)[None] // 32).astype(np.int32)
    labels[labels == 11] = -1
    return RegionSet(id, "grid", labels, 11)


def rows(data, ev, traits):
    px = PixelScore(torch.zeros(len(ev.ids), *SIZE))
    return reduce_rows(px, [regions(data, id) for id in ev.ids], [None] * len(ev.ids), SIZE, traits.of(ev))


def small(labels):
    y, x = (2 * np.arange(40) + 1) * 64 // 80, (2 * np.arange(72) + 1) * 96 // 144
    return labels[y[:, None], x[None]]


def test_rows_hold_the_means_of_every_trait(data):
    net, traits = network(data), Traits(NAMES, "trunk", CHANCE)
    ev = evidence(data, net, traits.needs)
    assert traits.needs == {"trunk", "probs", "logits"}
    found = rows(data, ev, traits)
    images = torch.stack([load_image(data, id, SIZE) for id in data.ids])
    with torch.no_grad():
        trunk = net.trunk(net.encode(images))
        big = torch.nn.functional.interpolate(trunk, scale_factor=4, mode="bilinear")[..., :40, :72].numpy()
        probs = net(images).softmax(1).numpy()
    number = small(regions(data, "").labels)
    for row in range(len(found)):
        image, inside = list(data.ids).index(found.images[row]), number == found.regions[row]
        np.testing.assert_allclose(
            found.arrays["features"][row], big[image][:, inside].mean(1), atol=2e-3 * abs(big).max()
        )
        p = probs[image]
        certain = np.arange(len(p))[:, None, None] == p.argmax(0)
        np.testing.assert_allclose(found.arrays["gradient"][row], (p - certain)[:, inside].mean(1), atol=1e-5)
        predicted, edges = p.argmax(0), []
        for y, x in np.argwhere(inside):
            beside = [predicted[y + 1, x]] if y < 39 else []
            beside += [predicted[y, x + 1]] if x < 71 else []
            edges.append(any(c != predicted[y, x] for c in beside))
        assert found.arrays["edges"][row, 0] == pytest.approx(np.mean(edges), abs=1e-6)
        middle = np.argwhere(regions(data, "").labels == found.regions[row]).mean(0) + 0.5
        np.testing.assert_allclose(found.arrays["place"][row], middle, atol=1.0)
    assert found.arrays["features"].dtype == np.float16
    assert {found.arrays[name].dtype for name in NAMES - {"features"}} == {np.dtype(np.float32)}


def test_logits_are_the_same_beside_the_trunk(data):
    net = network(data)
    plain, beside = evidence(data, net, {"logits"}), evidence(data, net, {"logits", "trunk"})
    assert torch.equal(plain.logits, beside.logits)


def test_wide_features_are_projected_alike_in_every_batch_and_keep_their_distances(data):
    net, traits = network(data), Traits(frozenset({"features"}), "bottleneck", CHANCE)
    assert traits.needs == {"features"}
    whole = rows(data, evidence(data, net, traits.needs), traits).arrays["features"]
    assert whole.shape == (33, WIDTH)
    alone = [rows(data, evidence(data, net, traits.needs, [id]), traits).arrays["features"] for id in data.ids]
    np.testing.assert_allclose(np.concatenate(alone), whole, atol=2e-2)
    deep = evidence(data, net, traits.needs).features("bottleneck").mean((2, 3)).numpy()
    assert deep.shape[1] > WIDTH
    points = np.random.default_rng(0).normal(size=(60, deep.shape[1]))
    drawn = points @ traits._projection(deep.shape[1]).numpy()
    ratio = ((drawn[1:] - drawn[:-1]) ** 2).sum(1) / ((points[1:] - points[:-1]) ** 2).sum(1)
    assert ratio.mean() == pytest.approx(1, abs=0.1)
    assert ((ratio > 0.4) & (ratio < 1.9)).all()


def test_without_traits_rows_are_as_they_were(data):
    ev = evidence(data, None, set())
    assert set(rows(data, ev, Traits(frozenset(), "trunk", CHANCE)).arrays) == {"value"}
