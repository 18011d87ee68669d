"""Shadows on the ground: thrown by the sun, and the dark below everything that stands."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from seglens.data.streets.camera import Camera, clip
from seglens.data.streets.mesh import Floats
from seglens.data.streets.world import World


def shadows(world: World, poses: Floats, camera: Camera) -> Floats:
    """(H, W) shadow on the ground: of the sun where there is one, and the dark below everything that stands."""
    image = Image.new("L", (camera.size[1], camera.size[0]))
    draw = ImageDraw.Draw(image)
    sun = np.array(world.weather.sun)
    throw = -sun[[0, 2]] / sun[1]
    sunny = sum(world.weather.sunlight) > 0.6
    for level, cast in ((110, False), (255, True)):
        if cast and not sunny:
            break
        for thing, (x, z, turn, ahead) in zip(world.mesh.things, poses, strict=True):
            if thing.shadow is None or not -10 < ahead < 70:
                continue
            half, long, height = thing.shadow
            foot = _foot(x, z, turn, half, long)
            outline = np.concatenate([foot, foot + throw * height]) if cast else foot
            hull = _hull(outline)
            part = clip(camera.see(hull[:, 0], np.zeros(len(hull)), hull[:, 1]))
            if len(part) > 2:
                draw.polygon(camera.project(part).ravel().tolist(), fill=level)
    return np.asarray(image).astype(np.float64) / 255


def _foot(x: float, z: float, turn: float, half: float, long: float) -> Floats:
    corners = np.array([(-half, -long), (half, -long), (half, long), (-half, long)])
    sin, cos = np.sin(turn), np.cos(turn)
    return np.stack([x + cos * corners[:, 0] + sin * corners[:, 1], z - sin * corners[:, 0] + cos * corners[:, 1]], 1)


def _hull(points: Floats) -> Floats:
    """Convex hull of a few points (n, 2), by the monotone chain."""
    ordered = sorted(set(map(tuple, points.tolist())))
    chains: list[tuple[float, float]] = []
    for walk in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for p in walk:
            while len(chain) > 1 and _left(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        chains += chain[:-1]
    return np.array(chains)


def _left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
