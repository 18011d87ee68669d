from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import cuts
from seglens.types import Chance, PixelScore

CHANCE = Chance((0, 1, "cut"))


@pytest.fixture(scope="module")
def world():
    return make_world(3, size=(40, 56))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def build(world, folder, **params):
    return cuts.build(PartConfig(name="adaptive-superpixel", segments=12, fine=60, **params), world.context(folder))


def predicted(group):
    return PixelScore(torch.ones(group.shape), group, classes=5)


def scales(world, folder, id):
    """The regions that are all coarse, and those that are all fine."""
    ev = world.evidence([id])
    zeros = predicted(torch.zeros((1, *world.size), dtype=torch.int64))
    coarse = build(world, folder).regions(zeros, ev, CHANCE)[0]
    fine = build(world, folder, start="fine").regions(PixelScore(zeros.value), ev, CHANCE)[0]
    return coarse, fine


def test_coarse_regions_are_made_of_whole_fine_ones(world, folder):
    coarse, fine = scales(world, folder, world.ids[0])
    assert 8 <= coarse.count <= 16
    assert 45 <= fine.count <= 75
    for number in range(fine.count):
        assert len(np.unique(coarse.labels[fine.labels == number])) == 1


@pytest.mark.parametrize("pure", [0.5, 0.8, 1.0])
def test_a_region_is_offered_whole_if_it_is_predicted_alike(world, folder, pure):
    id = world.ids[1]
    coarse, fine = scales(world, folder, id)
    group = world.logits[id].argmax(0)
    found = build(world, folder, pure=pure).regions(predicted(group[None]), world.evidence([id]), CHANCE)[0]
    for number in range(coarse.count):
        inside = coarse.labels == number
        whole = np.bincount(group.numpy()[inside]).max() / inside.sum() >= pure
        same = coarse if whole else fine
        assert len(np.unique(found.labels[inside])) == len(np.unique(same.labels[inside]))
    assert coarse.count < found.count <= fine.count
    assert (found.labels >= 0).all()


def test_what_was_asked_is_left_out_and_the_rest_of_it_is_offered_finely(world, folder):
    id = world.ids[0]
    coarse, fine = scales(world, folder, id)
    part = int(fine.labels[coarse.labels == 0].min())
    asked = (fine.labels == part) | (coarse.labels == 1)
    ev = world.evidence([id])
    ev.answered[0] = torch.from_numpy(asked)
    found = build(world, folder).regions(predicted(torch.zeros((1, *world.size), dtype=torch.int64)), ev, CHANCE)[0]
    assert np.array_equal(found.labels == -1, asked)
    rest = (coarse.labels == 0) & ~asked
    assert len(np.unique(found.labels[rest])) == len(np.unique(fine.labels[rest]))
    assert found.count == coarse.count - 2 + len(np.unique(fine.labels[rest]))


def test_without_predicted_classes_the_start_says_the_scale(world, folder):
    ev = world.evidence(world.ids[:1])
    px = PixelScore(torch.ones((1, *world.size)))
    coarse, fine = scales(world, folder, world.ids[0])
    assert build(world, folder).regions(px, ev, CHANCE)[0].count == coarse.count
    assert build(world, folder, start="fine").regions(None, ev, CHANCE)[0].count == fine.count
