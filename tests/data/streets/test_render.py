"""The drawing itself, against geometry worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seglens.data.streets.camera import NEAR, Camera, clip
from seglens.data.streets.frame import _world
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Paint, Thing, compile_mesh, panels
from seglens.data.streets.render import Samples, camera_at, sample
from seglens.data.streets.world import World

SIZE = (100, 200)


def _stage(things: list[Thing]) -> World:
    world = _world(0, "stage", 0)
    straight = replace(world.road, bend=0.0)
    return replace(world, road=straight, mesh=compile_mesh(things), lane=0.0, height=1.5, focal=1.0, horizon=0.5)


def _shot(things: list[Thing]) -> tuple[Samples, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    world = _stage(things)
    samples = sample(world, 0, camera_at(world, 0, SIZE, (0.0, 0.0)))
    classes = np.array([p.label for p in world.ground + world.mesh.paints], np.uint8)
    return samples, classes[samples.paint[samples.facet]]


def _board(z: float, label: Label, half: float = 1.0, **more: bool) -> Thing:
    thing = Thing(0.0, z, **more)  # type: ignore[arg-type]
    thing.rect(-half, 0.0, 2 * half, 3.0, Paint((0.5, 0.5, 0.5), label))
    return thing


def test_a_board_covers_the_pixels_that_geometry_says() -> None:
    _, label = _shot([_board(20.0, Label.CAR)])
    rows, columns = np.nonzero(label == Label.CAR)
    # focal 200 pixels, 20 m away: 2 m are 20 pixels, from 1.5 m above the horizon (15 rows) to 15 rows below it
    assert (columns.min(), columns.max()) == pytest.approx((90, 110), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((35, 65), abs=1)


def test_depth_is_exact_on_ground_and_board() -> None:
    samples, label = _shot([_board(20.0, Label.CAR)])
    assert 1 / samples.inverse[label == Label.CAR] == pytest.approx(20.0)
    row = 80
    assert 1 / samples.inverse[row, 5] == pytest.approx(200 * 1.5 / (row + 0.5 - 50))
    assert (samples.inverse[label == Label.SKY] == 0).all()


@pytest.mark.parametrize("solid", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_nearer_board_hides_the_farther(solid: bool, backwards: bool) -> None:
    boards = [_board(10.0, Label.PERSON, 0.5, solid=solid), _board(20.0, Label.CAR), _board(40.0, Label.BUS, 9.0)]
    samples, label = _shot(boards[::-1] if backwards else boards)
    assert label[50, 100] == Label.PERSON
    assert label[37, 100] == Label.PERSON
    assert 1 / samples.inverse[50, 100] == pytest.approx(10.0)
    assert label[50, 60] == Label.BUS


def test_a_box_shows_its_near_faces_only() -> None:
    thing = Thing(3.0, 20.0)
    thing.box((-1, 1), (0, 2), (-2, 2), Paint((0.5, 0.5, 0.5), Label.CAR))
    samples, label = _shot([thing])
    depth = 1 / samples.inverse[label == Label.CAR]
    assert depth.min() == pytest.approx(18.0, abs=0.01)
    assert depth.max() < 22.1
    assert np.isclose(depth, 18.0).mean() > 0.5


def test_what_reaches_behind_the_camera_is_cut() -> None:
    polygon = np.array([(-1.0, 0.0, -5.0), (-1.0, 0.0, 5.0), (1.0, 0.0, 5.0), (1.0, 0.0, -5.0)])
    part = clip(polygon)
    assert part[:, 2].min() == pytest.approx(NEAR)
    assert part[:, 2].max() == 5.0
    assert len(clip(polygon - (0, 0, 10))) == 0


def test_a_wall_beside_the_camera_fills_the_edge() -> None:
    wall = Thing(2.0, 0.0, long=True)
    wall.add([(0, 0, 40), (0, 0, -40), (0, 5, -40), (0, 5, 40)], Paint((0.5, 0.5, 0.5), Label.WALL))
    _, label = _shot([wall])
    assert (label[20:80, 199] == Label.WALL).all()
    assert not (label[:, :100] == Label.WALL).any()


def test_projection_agrees_with_the_rays() -> None:
    camera = Camera(1.0, 2.0, 1.5, 0.3, 200.0, 47.0, SIZE)
    columns, up = camera.rays()
    depth = 7.0
    seen = np.array([columns[30] * depth, up[60] * depth, depth])
    assert camera.project(seen) == pytest.approx([30.5, 60.5])


def test_seeing_turns_with_the_camera() -> None:
    camera = Camera(0.0, 0.0, 0.0, np.pi / 2, 200.0, 50.0, SIZE)
    assert camera.see(np.array(5.0), np.array(0.0), np.array(0.0)) == pytest.approx([0.0, 0.0, 5.0])


def test_panels_lie_on_their_wall() -> None:
    at = np.array([(1.0, 2.0), (4.0, 2.0)])
    found = panels(np.array([0.0, 0.0, 9.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), at, (2.0, 1.0))
    assert found.shape == (2, 4, 3)
    assert (found[..., 2] == 9).all()
    assert found[1, :, 0].tolist() == [4, 6, 6, 4]
    assert found[0, :, 1].tolist() == [2, 2, 3, 3]
