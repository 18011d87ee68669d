from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world
from scipy import ndimage

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import cuts
from seglens.types import Chance, PixelScore

CHANCE = Chance((0, 1, "cut"))
SIZE = (12, 16)


class Drawn:
    """Superpixels that are given."""

    key = "drawn"

    def __init__(self, labels):
        self.by_id = labels

    def labels(self, id):
        return self.by_id


def cut_of(tmp_path, world, labels=None, **params):
    cut = cuts.build(PartConfig(name="object", **{"segments": 20, **params}), world.context(tmp_path))
    if labels is not None:
        cut.superpixels = Drawn(labels)
    return cut


def blocks(size=SIZE, side=2):
    """Squares of ``side``, numbered row by row."""
    y, x = np.divmod(np.arange(size[0] * size[1]).reshape(size), size[1])
    return (y // side * (size[1] // side) + x // side).astype(np.int32)


def tiny(value, group, asked=None, classes=5):
    """A world of one image whose model size is its own, with its score."""
    world = make_world(1, native=SIZE, size=SIZE)
    ev = world.evidence(world.ids)
    if asked is not None:
        ev.answered[0] = torch.from_numpy(asked)
    px = PixelScore(torch.from_numpy(value)[None].float(), torch.from_numpy(group)[None].long(), classes=classes)
    return world, ev, px


def brute_force(labels, value, group, asked, share, candidates):
    """Sets of pixels, best first: superpixels ranked one by one, merged class by class with another library."""
    means, classes = {}, {}
    for number in range(labels.max() + 1):
        inside = labels == number
        free = inside & ~asked
        if free.sum() * 2 >= inside.sum():
            means[number] = value[free].mean()
            classes[number] = np.bincount(group[free]).argmax()
    high = sorted(means, key=lambda n: (-means[n], n))[: int(np.ceil(share * len(means)))]
    found = []
    for c in {classes[n] for n in high}:
        mask = np.isin(labels, [n for n in high if classes[n] == c]) & ~asked
        parts, count = ndimage.label(mask)
        found += [parts == part for part in range(1, count + 1)]
    return sorted(found, key=lambda mask: -value[mask].sum())[:candidates]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("share", "candidates"), [(0.2, 5), (0.6, 3), (1.0, 100)])
def test_objects_are_those_of_brute_force(seed, share, candidates, tmp_path):
    rng = np.random.default_rng(seed)
    value = rng.random(SIZE).astype(np.float32)
    group = rng.integers(0, 3, (6, 8)).repeat(2, 0).repeat(2, 1)
    group[rng.random(SIZE) < 0.1] = 4
    asked = np.zeros(SIZE, bool)
    if seed % 2:
        asked[:5, :7] = True
    labels = blocks()
    world, ev, px = tiny(value, group, asked)
    (found,) = cut_of(tmp_path, world, labels, share=share, candidates=candidates).regions(px, ev, CHANCE)
    expected = brute_force(labels, value, group, asked, share, candidates)
    assert found.count == len(expected)
    assert found.key == "object-drawn"
    assert found.labels.dtype == np.int32
    for number, mask in enumerate(expected):
        assert np.array_equal(found.labels == number, mask)
    assert not (found.labels[asked] >= 0).any()


def test_touching_superpixels_of_one_class_are_one_object_and_corners_do_not_touch(tmp_path):
    group = np.zeros(SIZE, int)
    value = np.zeros(SIZE, np.float32)
    value[0:2, 0:4] = 0.9  # two side by side
    value[2:4, 4:6] = 0.8  # touches them by a corner
    value[8:10, 8:12] = 0.7
    group[8:10, 10:12] = 1  # side by side, another class
    world, ev, px = tiny(value, group)
    (found,) = cut_of(tmp_path, world, blocks(), share=5 / 48).regions(px, ev, CHANCE)
    assert found.count == 4
    assert np.array_equal(found.labels == 0, value == np.float32(0.9))  # the largest sum
    assert np.array_equal(found.labels == 1, value == np.float32(0.8))
    assert [int((found.labels == n).sum()) for n in range(4)] == [8, 4, 4, 4]


def test_a_large_object_may_come_before_a_hotter_one(tmp_path):
    value = np.zeros(SIZE, np.float32)
    value[0:2, 0:2] = 1.0
    value[4:8, 0:8] = 0.5
    world, ev, px = tiny(value, np.zeros(SIZE, int))
    (found,) = cut_of(tmp_path, world, blocks(), share=9 / 48).regions(px, ev, CHANCE)
    assert np.array_equal(found.labels == 0, value == 0.5)
    assert np.array_equal(found.labels == 1, value == 1.0)
    (best,) = cut_of(tmp_path, world, blocks(), share=9 / 48, candidates=1).regions(px, ev, CHANCE)
    assert best.count == 1
    assert np.array_equal(best.labels == 0, value == 0.5)


def test_the_rim_of_an_asked_superpixel_is_no_candidate(tmp_path):
    value = np.ones(SIZE, np.float32)
    value[:4, :4] = 9
    asked = np.zeros(SIZE, bool)
    asked[:4, :3] = True  # three quarters of the first superpixel of four
    world, ev, px = tiny(value, np.zeros(SIZE, int), asked)
    (found,) = cut_of(tmp_path, world, blocks(side=4), share=1.0).regions(px, ev, CHANCE)
    assert (found.labels[:4, :4] == -1).all()
    assert found.count == 1


@pytest.mark.parametrize("level", ["object", "pixel"])
def test_nothing_is_left_where_all_was_asked(level, tmp_path):
    world, ev, px = tiny(np.ones(SIZE, np.float32), np.zeros(SIZE, int), np.ones(SIZE, bool))
    (found,) = cut_of(tmp_path, world, blocks(), level=level).regions(px, ev, CHANCE)
    assert found.count == 0
    assert (found.labels == -1).all()


@pytest.mark.parametrize("level", ["object", "pixel"])
def test_without_a_predicted_class_the_image_is_the_question(level, tmp_path):
    world = make_world(2)
    ev = world.evidence(world.ids)
    for px in (None, PixelScore(torch.zeros(2, *world.size))):
        for found in cut_of(tmp_path, world, level=level).regions(px, ev, CHANCE):
            assert (found.count, found.key) == (1, "image")
            assert found.labels.shape == world.native
            assert (found.labels == 0).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_pixels_are_the_same_share_of_the_highest(seed, share, tmp_path):
    rng = np.random.default_rng(seed)
    world = make_world(1)  # native twice the model's size
    value = rng.random(world.size).astype(np.float32)
    ev = world.evidence(world.ids)
    asked = rng.random(world.size) < 0.3
    ev.answered[0] = torch.from_numpy(asked)
    px = PixelScore(torch.from_numpy(value)[None], torch.zeros(1, *world.size, dtype=torch.long), classes=5)
    (found,) = cut_of(tmp_path, world, level="pixel", share=share).regions(px, ev, CHANCE)
    least = np.sort(value[~asked])[::-1][int(np.ceil(share * (~asked).sum())) - 1]
    high = (value >= least) & ~asked
    assert np.array_equal(found.labels == 0, high.repeat(2, 0).repeat(2, 1))
    assert (found.count, found.key) == (1, "object-pixels")


def test_real_superpixels_at_another_size_than_the_models(tmp_path):
    world = make_world(3, native=(41, 57))
    cut = cut_of(tmp_path, world, share=0.5, candidates=3)
    cut.prepare(world.ids)
    ev = world.evidence(world.ids)
    px = PixelScore(ev.values.softmax(1).amax(1), ev.values.argmax(1), classes=5)
    for index, found in enumerate(cut.regions(px, ev, CHANCE)):
        superpixels = cut.superpixels.labels(world.ids[index])
        assert 1 <= found.count <= 3
        inside = found.labels >= 0
        for number in np.unique(superpixels[inside]):  # whole superpixels, each of one object
            assert len(np.unique(found.labels[superpixels == number])) == 1


def test_pixel_level_needs_no_superpixels(tmp_path):
    world = make_world(2)
    cut = cut_of(tmp_path, world, level="pixel", segments=100000)  # more than SLIC could give
    cut.prepare(world.ids)
    assert not any(tmp_path.iterdir())
