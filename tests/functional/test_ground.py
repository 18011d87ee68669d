from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import spearmanr

from seglens.data.streets.dataset import Streets, StreetsParams
from seglens.functional.ground import BEHIND, PLAUSIBLE, USUAL, ground_proximity, horizon_row
from seglens.functional.roles import Roles, roles
from seglens.types import IGNORE

ROAD, SKY, BUILDING, TREE, CAR, SIGN, POLE = range(7)
ROLES = Roles((ROAD,), (SKY,), (BUILDING, TREE), (TREE,), (SIGN,), (POLE,))
H, W, HORIZON = 40, 60, 16


def scene() -> np.ndarray:
    label = np.full((H, W), SKY)
    label[HORIZON:] = ROAD
    return label


def plane(row: float) -> float:
    """Inverse depth of the plane at a row's lower edge, as a share of that in the last row's centre."""
    return min(max((row - HORIZON) / (H - 0.5 - HORIZON), 0), 1)


def near(label: np.ndarray) -> np.ndarray:
    return ground_proximity(label, ROLES, HORIZON / H)


def test_the_ground_is_linear_in_the_row():
    found = near(scene())
    assert found.dtype == np.float32
    assert (found[:HORIZON] == 0).all()
    assert (found == found[:, :1]).all()
    np.testing.assert_allclose(np.diff(found[HORIZON:, 0]), 1 / (H - 0.5 - HORIZON), rtol=1e-4)
    assert found[-1, 0] == 1


def test_the_ground_is_the_inverse_depth_of_a_plane():
    """A level pinhole camera 1.5 m above the ground: depth = focal * 1.5 / rows below the horizon."""
    rows = np.arange(HORIZON, H) + 0.5 - HORIZON
    depth = 50 * 1.5 / rows
    np.testing.assert_allclose(near(scene())[HORIZON:, 7], depth[-1] / depth, rtol=1e-5)


def test_a_thing_is_as_near_as_its_feet():
    label = scene()
    label[10:24, 20:26] = CAR
    found = near(label)
    np.testing.assert_allclose(found[10:24, 20:26], plane(24), rtol=1e-5)
    assert (found[:, :20] == near(scene())[:, :20]).all()


def test_an_arm_does_not_stand_on_the_road_behind_it():
    label = scene()
    label[12:36, 20:24] = CAR
    label[18:20, 24:26] = CAR
    np.testing.assert_allclose(near(label)[18:20, 24:26], plane(36), rtol=1e-5)


def test_what_the_lower_edge_cuts_is_near():
    label = scene()
    label[20:, 50:] = CAR
    label[-3:, 10:40] = IGNORE  # the own bonnet
    found = near(label)
    assert (found[20:, 50:] == 1).all()
    assert (found[-3:, 10:40] == 1).all()


def test_a_wall_recedes_column_by_column_and_goes_on_behind_a_car():
    label = scene()
    feet = HORIZON + 2 + np.arange(W) // 4
    for x in range(W):
        label[4 : feet[x], x] = BUILDING
    label[20:38, 24:36] = CAR
    found = near(label)
    for x in (0, 10, 20, 40, 59):
        assert found[5, x] == pytest.approx(plane(feet[x]), abs=1e-5)
    line = np.interp(np.arange(24, 36), [23, 36], [feet[23], feet[36]])
    np.testing.assert_allclose(found[6, 24:36], [plane(row) for row in line], atol=1e-5)
    assert (found[6, 24:36] < found[30, 24:36]).all()


def test_a_tree_spreads_above_where_it_stands():
    label = scene()
    label[2:14, 20:40] = TREE
    label[14:30, 29:31] = TREE
    label[14:18, 2:10] = TREE
    found = near(label)
    np.testing.assert_allclose(found[2:14, 20:40], plane(30), rtol=1e-5)
    np.testing.assert_allclose(found[14:18, 2:10], plane(18), rtol=1e-5)
    label[14:18, 5:29] = TREE  # a hedge far behind it, of the same piece
    found = near(label)
    np.testing.assert_allclose(found[16:18, 5:28], plane(18), rtol=1e-5)  # below the horizon each column for itself
    np.testing.assert_allclose(found[2:14, 20:40], plane(30), rtol=1e-5)


@pytest.mark.parametrize("gap", [0, 2])
def test_a_sign_is_as_near_as_its_pole(gap):
    label = scene()
    label[HORIZON - 10 : HORIZON + 2] = BUILDING
    label[8:12, 20:26] = SIGN
    label[12 + gap : 34, 23] = POLE  # a thin pole may be lost in places
    found = near(label)
    np.testing.assert_allclose(found[8:12, 20:26], plane(34), rtol=1e-5)


def test_what_is_hidden_is_behind_what_hides_it():
    label = scene()
    label[20:34, 20:40] = CAR
    label[14:20, 24:30] = POLE
    label[10:20, 32:38] = BUILDING
    found = near(label)
    np.testing.assert_allclose(found[14:20, 24:30], plane(34), rtol=1e-5)
    np.testing.assert_allclose(found[10:20, 32:38], BEHIND * plane(34), rtol=1e-5)


def test_without_any_ground():
    sky = np.full((H, W), SKY)
    assert (ground_proximity(sky, ROLES) == 0).all()
    walls = sky.copy()
    walls[10:] = BUILDING
    assert (ground_proximity(walls, ROLES)[10:] == 1).all()  # they reach the lower edge
    balloon = sky.copy()
    balloon[30:34, 5:9] = CAR
    row = ground_proximity(balloon, ROLES, 0.4)[31, 6]
    assert 0 <= row <= (34 - 16) / (H - 16.5) + 1e-6


def test_the_horizon_of_a_road_that_vanishes():
    label = np.full((100, 200), SKY)
    for y in range(45, 100):
        half = int((y - 42) * 1.8)
        label[y, max(100 - half, 0) : 100 + half] = ROAD
    label[20:24, 10:14] = ROAD  # a stray piece of road in the sky
    assert horizon_row(label == ROAD) == pytest.approx(42, abs=3)


def test_the_horizon_stays_plausible():
    assert horizon_row(np.ones((100, 50), bool)) == PLAUSIBLE[0] * 100
    low = np.zeros((100, 50), bool)
    low[-3:] = True
    assert horizon_row(low) == PLAUSIBLE[1] * 100
    assert horizon_row(np.zeros((100, 50), bool)) == pytest.approx(USUAL * 100)


def test_the_horizon_of_streets():
    """Against the row where the exact inverse depth of the ground comes to 0."""
    streets = Streets(StreetsParams(images=8, frames=1))
    labels, errors = Streets.labels(streets.params), []
    for id in streets.ids:
        metres, ground = streets.depth(id), np.isin(labels.label(id), roles(streets.classes.names).ground)
        rows = np.nonzero(ground)[0] + 0.5
        slope, start = np.polyfit(rows, 1 / metres[ground], 1)
        errors.append(horizon_row(ground) + start / slope)
    assert np.abs(errors).max() < 0.07 * 128
    assert abs(np.mean(errors)) < 0.03 * 128


@pytest.mark.parametrize("seed", range(4))
def test_any_label_map_gets_a_proximity(seed):
    """Noise, all classes and void: finite, in [0, 1], 0 in the sky, and every thing is as near as its lowest foot."""
    rng = np.random.default_rng(seed)
    coarse = ndimage.zoom(rng.integers(0, 8, (7, 9)), 5, order=0)
    label = np.where(coarse == 7, IGNORE, coarse).astype(np.uint8)
    found = ground_proximity(label, ROLES)
    assert found.shape == label.shape
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    assert (found[label == SKY] == 0).all()
    for kind in (CAR, POLE, SIGN, IGNORE):
        pieces, count = ndimage.label(label == kind, np.ones((3, 3)))
        for piece in range(1, count + 1):
            foot = [
                y + 1 for y, x in np.argwhere(pieces == piece) if y + 1 == len(label) or label[y + 1, x] == ROAD
            ]  # brute force: where it stands
            if foot:
                top = ground_proximity(label, ROLES)[pieces == piece].max()
                horizon = horizon_row(label == ROAD)
                assert top == pytest.approx(
                    np.clip((max(foot) - horizon) / (len(label) - 0.5 - horizon), 0, 1), abs=1e-5
                )


def test_the_size_of_the_map_does_not_matter():
    label = scene()
    label[10:24, 20:26] = CAR
    label[8:20, 30:50] = BUILDING
    small, large = near(label), near(np.kron(label, np.ones((4, 4), int)))
    assert np.abs(large.reshape(H, 4, W, 4).mean((1, 3)) - small).max() < 0.04


def test_noise_in_the_prediction_does_little_harm():
    streets = Streets(StreetsParams(images=6, frames=1))
    labels, found_roles = Streets.labels(streets.params), roles(streets.classes.names)
    rng, ranks = np.random.default_rng(0), []
    for id in streets.ids:
        field = ndimage.gaussian_filter(rng.normal(size=(128, 256)), 2)
        blobs, count = ndimage.label(field > np.quantile(field, 0.95))
        label = np.where(blobs > 0, rng.integers(0, 19, count + 1)[blobs], labels.label(id))
        seen = np.isfinite(streets.depth(id))
        found = ground_proximity(label, found_roles)
        ranks.append(spearmanr(found[seen], 1 / streets.depth(id)[seen]).statistic)
    assert np.mean(ranks) > 0.88
