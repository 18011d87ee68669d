from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import cuts
from seglens.types import Chance, PixelScore, SeglensError

CHANCE = Chance((0, 1, "cut"))


@pytest.fixture(scope="module")
def world():
    return make_world(3)


def build(world, tmp_path, name, **params):
    return cuts.build(PartConfig(name=name, **params), world.context(tmp_path))


def cells(regions):
    """Number of pixels of each region."""
    return np.bincount(regions.labels[regions.labels >= 0].ravel())


def test_a_grid_by_number_is_even_and_row_by_row(world, tmp_path):
    regions = build(world, tmp_path, "grid", rows=3, columns=5).regions(None, world.evidence(world.ids), CHANCE)[0]
    assert (regions.count, regions.key) == (15, "grid-3x5")
    assert regions.labels[0, 0] == 0
    assert regions.labels[0, -1] == 4
    assert regions.labels[-1, 0] == 10
    assert set(cells(regions)) <= {h * w for h in (13, 14) for w in (11, 12)}


def test_a_grid_by_size_cuts_the_last_cells_off(world, tmp_path):
    regions = build(world, tmp_path, "grid", size=[16, 16]).regions(None, world.evidence(world.ids), CHANCE)[0]
    assert (regions.count, regions.key) == (12, "grid-size-16x16")
    assert cells(regions).tolist() == [256, 256, 256, 128] * 2 + [128, 128, 128, 64]


def test_a_grid_finer_than_the_image_is_its_pixels(tmp_path):
    world = make_world(1, native=(3, 4), size=(3, 4))
    regions = build(world, tmp_path, "grid", rows=9, columns=9).regions(None, world.evidence(world.ids), CHANCE)[0]
    assert regions.labels.ravel().tolist() == list(range(12))


def test_a_grid_of_no_size_is_refused(world, tmp_path):
    with pytest.raises(SeglensError, match="size must be at least 1 x 1"):
        build(world, tmp_path, "grid", size=[0, 4])


def test_pixels_are_cells_of_four_by_four(world, tmp_path):
    ev = world.evidence(world.ids)
    for regions in build(world, tmp_path, "pixel", share=1.0, candidates=9).regions(None, ev, CHANCE):
        assert regions.count == 9
        assert cells(regions).tolist() == [16] * 9
        for number in range(9):
            y, x = np.nonzero(regions.labels == number)
            assert y.min() % 4 == x.min() % 4 == 0


def test_cells_at_the_edge_are_clipped(tmp_path):
    world = make_world(1, native=(6, 9), size=(6, 9))
    regions = build(world, tmp_path, "pixel", share=1.0, candidates=99).regions(None, world.evidence(world.ids), CHANCE)
    assert cells(regions[0]).tolist() == [16, 16, 4, 8, 8, 2]


def test_pixels_come_from_the_top_share(world, tmp_path):
    cut = build(world, tmp_path, "pixel", share=0.25, candidates=8)
    ev = world.evidence(world.ids)
    value = torch.zeros(3, 20, 28)
    value[:, :, :8] = 1.0  # more than the best quarter of the cells
    found = cut.regions(PixelScore(value), ev, CHANCE)
    for regions in found:
        assert regions.count == 8
        assert np.nonzero(regions.labels >= 0)[1].max() < 16
    assert not np.array_equal(found[0].labels, found[1].labels)


def test_pixels_asked_about_are_left_out(world, tmp_path):
    cut = build(world, tmp_path, "pixel", share=1.0, candidates=500)
    ev = world.evidence(world.ids)
    ev.answered[:, :10] = True
    for regions in cut.regions(None, ev, CHANCE):
        assert regions.count == 70
        assert (regions.labels[:20] == -1).all()


def test_pixels_need_the_map(world, tmp_path):
    with pytest.raises(SeglensError, match="needs the score map"):
        build(world, tmp_path, "pixel").regions(None, world.evidence(world.ids), CHANCE)
