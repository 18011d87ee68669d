"""From a world to the facet behind every sample of a picture, with exact depth.

The painter's order (far things first) decides what hides what; a facet is a plane, so its depth is exact per sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from seglens.data.streets.camera import NEAR, Camera, clip
from seglens.data.streets.mesh import Floats, Ints, Mesh, Thing
from seglens.data.streets.road import Ground
from seglens.data.streets.shadow import shadows
from seglens.data.streets.world import World
from seglens.types import Size

_GROUNDS = len(Ground)


@dataclass(frozen=True)
class Samples:
    """What every sample of a picture shows.

    Args:
        facet: (H, W) number of the facet; the first ones are the kinds of ground, 0 is the sky.
        paint: (F,) paint of each facet, into ``World.ground`` and then the mesh's paints.
        normal: (F, 3) unit normal towards the camera, world axes.
        inverse: (H, W) 1/depth, 1/metres; 0 = sky.
        shadow: (H, W) how much direct light is missing on the ground, 0 to 1.
        camera: the camera.
    """

    facet: Ints
    paint: Ints
    normal: Floats
    inverse: Floats
    shadow: Floats
    camera: Camera


def camera_at(world: World, frame: int, size: Size, jitter: tuple[float, float]) -> Camera:
    """The camera of a frame; ``jitter`` is a small offset of yaw (radians) and horizon (picture heights)."""
    t = np.array(world.step * frame)
    yaw = float(world.road.heading(t)) + jitter[0]
    horizon = (world.horizon + jitter[1]) * size[0]
    x = float(world.road.middle(t)) + world.lane
    return Camera(x, float(t), world.height, yaw, world.focal * size[1], horizon, size)


def sample(world: World, frame: int, camera: Camera) -> Samples:
    """Draw the frame: ground first, then things from far to near."""
    mesh = world.mesh
    poses = _poses(world, mesh.things, frame, camera)
    seen = _place(mesh, poses, camera)
    normal, offset = _planes(mesh, seen)
    facet = _ground(world, camera)
    shadow = shadows(world, poses, camera)
    facet, inverse = _paint_facets(mesh, seen, normal, offset, facet, camera)
    return Samples(
        facet,
        np.concatenate([np.arange(_GROUNDS), mesh.paint + _GROUNDS]),
        _world_normals(normal, offset, camera),
        inverse,
        shadow,
        camera,
    )


def _poses(world: World, things: tuple[Thing, ...], frame: int, camera: Camera) -> Floats:
    """(N, 4): world x, z and heading of each thing in this frame, and its distance ahead."""
    table = np.array([(th.s + th.drift * frame, th.t + th.speed * frame, th.yaw, th.facing) for th in things])
    s, t, yaw, facing = table.T
    heading = world.road.heading(t)
    x = world.road.middle(t) + s * np.cos(heading)
    z = t - s * np.sin(heading)
    turn = np.where(facing > 0, camera.yaw, yaw + heading)
    ahead = camera.see(x, np.zeros_like(x), z)[:, 2]
    return np.stack([x, z, turn, ahead], 1)


def _place(mesh: Mesh, poses: Floats, camera: Camera) -> Floats:
    """(P, 3) every corner as the camera sees it."""
    owner = np.repeat(mesh.owner, np.diff(mesh.starts))
    x, z, turn, _ = poses[owner].T
    sin, cos = np.sin(turn), np.cos(turn)
    px, py, pz = mesh.points.T
    return camera.see(x + cos * px + sin * pz, py, z - sin * px + cos * pz)


def _planes(mesh: Mesh, seen: Floats) -> tuple[Floats, Floats]:
    """Normal (F, 3) and offset (F,) of each facet's plane: normal . point = offset, seen axes."""
    first = mesh.starts[:-1]
    origin = seen[first]
    normal = np.cross(seen[first + 1] - origin, seen[first + 2] - origin)
    return normal, (normal * origin).sum(1)


def _world_normals(normal: Floats, offset: Floats, camera: Camera) -> Floats:
    normal = np.where(offset[:, None] > 0, -normal, normal)
    sin, cos = np.sin(camera.yaw), np.cos(camera.yaw)
    turned = np.stack(
        [cos * normal[:, 0] + sin * normal[:, 2], normal[:, 1], -sin * normal[:, 0] + cos * normal[:, 2]], 1
    )
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    ground = np.tile([0.0, 1.0, 0.0], (_GROUNDS, 1))
    return np.concatenate([ground, turned])


def _ground(world: World, camera: Camera) -> Ints:
    kind = np.zeros(camera.size, np.int64)
    x, z, rows = ground_places(camera)
    slope = world.road.heading(z)
    t = z + (x - world.road.middle(z)) * slope  # nearly the foot of the perpendicular on the road's middle
    s = (x - world.road.middle(t)) * (1 - slope**2 / 2)
    kind[rows:] = world.road.ground(s, t)
    return kind


def ground_places(camera: Camera) -> tuple[Floats, Floats, int]:
    """World x and z of the ground in each row below the horizon, and the first such row."""
    columns, up = (rays.astype(np.float32) for rays in camera.rays())
    rows = int(np.argmax(up < -1e-4))
    ahead = (camera.height / -up[rows:])[:, None]
    right = columns * ahead
    sin, cos = np.float32(np.sin(camera.yaw)), np.float32(np.cos(camera.yaw))
    return np.float32(camera.x) + cos * right + sin * ahead, np.float32(camera.z) - sin * right + cos * ahead, rows


def _paint_facets(
    mesh: Mesh, seen: Floats, normal: Floats, offset: Floats, ground: Ints, camera: Camera
) -> tuple[Ints, Floats]:
    """Facet and 1/depth of every sample: the street in painter's order, and solid things before it by depth."""
    flat = camera.project(seen)
    shown = _shown(mesh, seen, flat, offset, camera)
    solid = np.array([thing.solid for thing in mesh.things])[mesh.owner]
    facet = _draw(mesh, seen, flat, _order(mesh, seen, shown & ~solid), ground, camera)
    limits = _limits(mesh, seen)
    inverse = _inverse(facet, normal, offset, limits, camera)
    if (shown & solid).any():
        bodies = _draw(mesh, seen, flat, _order(mesh, seen, shown & solid), np.zeros_like(ground), camera)
        nearness = _inverse(bodies, normal, offset, limits, camera)
        nearer = nearness > inverse
        facet, inverse = np.where(nearer, bodies, facet), np.where(nearer, nearness, inverse)
    return facet, inverse


def _shown(mesh: Mesh, seen: Floats, flat: Floats, offset: Floats, camera: Camera) -> npt.NDArray[np.bool_]:
    """(F,) the facets that may cover a sample: in view, towards the camera, not too small."""
    first = mesh.starts[:-1]
    low, high = np.minimum.reduceat(flat, first), np.maximum.reduceat(flat, first)
    near, far = np.minimum.reduceat(seen[:, 2], first), np.maximum.reduceat(seen[:, 2], first)
    height, width = camera.size
    inside = (high[:, 0] > 0) & (low[:, 0] < width) & (high[:, 1] > 0) & (low[:, 1] < height)
    shown = (far > NEAR) & (inside | (near < NEAR)) & ((high - low).max(1) > 0.7)
    return np.asarray(shown & ~(mesh.cull & (offset >= 0)) & (np.abs(offset) > 1e-9))


def _draw(mesh: Mesh, seen: Floats, flat: Floats, order: Ints, below: Ints, camera: Camera) -> Ints:
    """Paint the facets in ``order`` over ``below``, each with its number."""
    image = Image.fromarray(below.astype(np.int32))
    draw = ImageDraw.Draw(image)
    corners, starts, near = flat.ravel().tolist(), mesh.starts.tolist(), seen[:, 2] < NEAR
    cut = np.logical_or.reduceat(near, mesh.starts[:-1])
    for f in order.tolist():
        a, b = starts[f], starts[f + 1]
        if not cut[f]:
            draw.polygon(corners[2 * a : 2 * b], fill=f + _GROUNDS)
            continue
        part = clip(seen[a:b])
        if len(part) > 2:
            draw.polygon(camera.project(part).ravel().tolist(), fill=f + _GROUNDS)
    return np.asarray(image).astype(np.int64)


def _order(mesh: Mesh, seen: Floats, shown: npt.NDArray[np.bool_]) -> Ints:
    """The facets to draw, far things first, in a thing's own order."""
    owner = np.repeat(mesh.owner, np.diff(mesh.starts))
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    count = np.diff(np.append(first, len(owner)))
    ahead = seen[:, 2]
    far = np.maximum.reduceat(ahead, first)
    middle = np.add.reduceat(ahead, first) / count
    long = np.array([thing.long for thing in mesh.things])
    key = np.full(len(mesh.things), -1.0)
    key[owner[first]] = np.where(long[owner[first]], far, middle)
    index = np.flatnonzero(shown)
    return index[np.argsort(-key[mesh.owner[index]], kind="stable")]


def _limits(mesh: Mesh, seen: Floats) -> Floats:
    """(F, 2) least and greatest 1/depth of each facet's corners; samples at its rim may lie a little outside."""
    first, ahead = mesh.starts[:-1], np.maximum(seen[:, 2], NEAR)
    found = np.stack([1 / np.maximum.reduceat(ahead, first), 1 / np.minimum.reduceat(ahead, first)], 1)
    return np.concatenate([np.tile([0.0, 1 / NEAR], (_GROUNDS, 1)), found])


def _inverse(facet: Ints, normal: Floats, offset: Floats, limits: Floats, camera: Camera) -> Floats:
    """(H, W) 1/depth: a plane's 1/depth is linear over the picture."""
    columns, up = camera.rays()
    with np.errstate(divide="ignore", invalid="ignore"):
        planes = np.where(np.abs(offset[:, None]) > 1e-9, normal / offset[:, None], 0.0)
    ground = np.zeros((_GROUNDS, 3))
    ground[1:, 1] = -1.0 / camera.height
    planes = np.concatenate([ground, planes])
    inverse = planes[facet, 0] * columns + planes[facet, 1] * up[:, None] + planes[facet, 2]
    return np.asarray(np.clip(inverse, limits[facet, 0], limits[facet, 1]))
