from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world
from skimage.measure import label

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import cuts, scores
from seglens.types import Chance, PixelScore

CHANCE = Chance((0, 1, "cut"))


@pytest.fixture(scope="module")
def world():
    return make_world(3)


def build(world, folder, **params):
    return cuts.build(PartConfig(name="merged-superpixel", segments=40, **params), world.context(folder))


def scored(world, folder, ev):
    return scores.build(PartConfig(name="bvsb"), world.context(folder)).pixels(ev)


def test_an_image_seen_alike_is_one_region_and_halves_are_two(world, tmp_path):
    cut, ev = build(world, tmp_path), world.evidence(world.ids[:1])
    ev.values = torch.zeros((1, 5, *world.size))
    ev.values[:, 1] = 4.0
    assert cut.regions(scored(world, tmp_path, ev), ev, CHANCE)[0].count == 1
    superpixels = cut.superpixels.labels(world.ids[0])
    upper = np.isin(superpixels, np.unique(superpixels[:20]))
    seen = torch.from_numpy(upper[1::2, 1::2])  # a score's pixel lies on the native one under its centre
    ev.values[0] = torch.where(seen, ev.values[0].roll(1, 0), ev.values[0])
    found = cut.regions(scored(world, tmp_path, ev), ev, CHANCE)[0]
    parts = label(upper.astype(int), background=-1, connectivity=1)
    assert found.count == parts.max()
    assert len(np.unique(np.stack([parts, found.labels]).reshape(2, -1), axis=1).T) == parts.max()


def test_regions_are_whole_superpixels_fewer_with_a_larger_epsilon(world, tmp_path):
    ev = world.evidence(world.ids)
    counts = []
    for epsilon in (0.0, 0.1, 0.4, 0.9):
        cut = build(world, tmp_path, epsilon=epsilon)
        sets = cut.regions(scored(world, tmp_path, ev), ev, CHANCE)
        counts.append(sum(found.count for found in sets))
        for found in sets:
            superpixels = cut.superpixels.labels(found.image)
            pairs = np.unique(np.stack([superpixels, found.labels]).reshape(2, -1), axis=1)
            assert pairs.shape[1] == superpixels.max() + 1
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == sum(int(cut.superpixels.labels(id).max()) + 1 for id in world.ids)
    assert counts[-1] == 3


def test_what_was_asked_is_left_out(world, tmp_path):
    cut, ev = build(world, tmp_path, epsilon=0.9), world.evidence(world.ids[:1])
    superpixels = cut.superpixels.labels(world.ids[0])
    asked = superpixels == superpixels[20, 28]
    ev.answered[0] = torch.from_numpy(asked[::2, ::2])
    for px in (scored(world, tmp_path, ev), PixelScore(torch.ones((1, *world.size)))):
        found = cut.regions(px, ev, CHANCE)[0]
        assert np.array_equal(found.labels == -1, asked)
    assert found.count == superpixels.max()
