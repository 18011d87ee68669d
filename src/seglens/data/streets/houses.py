"""Buildings: blocks with windows, houses with gables, and the skyline."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Floats, Paint, Pattern, Thing, panels

_DETAIL = 130.0
"""Farther along the road than this, walls have no windows, metres."""


def _wall_paint(rng: np.random.Generator) -> Paint:
    if rng.random() < 0.3:
        color = tones.pick(rng, tones.BRICK)
        return Paint(color, Label.BUILDING, 0.2, 0.9, Pattern.BRICKS, second=tones.shade(color, 1.25))
    palette = tones.PLASTER if rng.random() < 0.7 else tones.STONE
    return Paint(tones.pick(rng, palette), Label.BUILDING, rng.uniform(0.08, 0.25), rng.uniform(0.2, 0.8))


def _glasses(rng: np.random.Generator) -> list[Paint]:
    dark = Paint(tones.pick(rng, tones.GLASS), Label.BUILDING, 0.3, 0.5)
    light = Paint(tones.shade(dark.color, 1.7), Label.BUILDING, 0.3, 0.5)
    lit = Paint((0.85, 0.70, 0.42), Label.BUILDING, 0.1, 1.0, glow=0.7)
    blind = Paint(tones.pick(rng, tones.PLASTER), Label.BUILDING, 0.1, 1.0)
    return [dark, dark, light, blind, lit]


def _windows(
    rng: np.random.Generator, thing: Thing, corner: Floats, along: Floats, width: float, height: float, base: float
) -> None:
    """Rows of windows on a wall, some lit, some with blinds; the lowest row begins at ``base``."""
    pitch, storey = rng.uniform(2.0, 3.4), rng.uniform(2.9, 3.6)
    size = (rng.uniform(0.45, 0.75) * pitch, rng.uniform(0.45, 0.65) * storey)
    columns, rows = int((width - 0.8) // pitch), int((height - base - 0.4) // storey)
    if columns < 1 or rows < 1:
        return
    left = (width - columns * pitch + pitch - size[0]) / 2
    x, y = np.meshgrid(left + pitch * np.arange(columns), base + 0.8 + storey * np.arange(rows))
    at = np.stack([x.ravel(), y.ravel()], 1)
    up = np.array([0.0, 1.0, 0.0])
    all_panels = panels(corner, along, up, at, size)
    if rng.random() < 0.4:  # frames or sills
        trim = Paint(tones.pick(rng, tones.PLASTER), Label.BUILDING)
        thing.add(panels(corner, along, up, at - (0.12, 0.15), (size[0] + 0.24, size[1] + 0.3)), trim, cull=True)
    kind = rng.choice(5, len(at), p=[0.35, 0.2, 0.27, 0.1, 0.08])
    for index, glass in enumerate(_glasses(rng)):
        if (kind == index).any():
            thing.add(all_panels[kind == index], glass, cull=True)


def _shop(rng: np.random.Generator, thing: Thing, corner: Floats, along: Floats, width: float) -> None:
    """Shop windows, doors and a sign board on the ground floor."""
    up = np.array([0.0, 1.0, 0.0])
    bay = rng.uniform(3.0, 5.0)
    at = np.stack(
        [np.arange(0.4, max(width - bay, 0.5), bay), np.full(len(np.arange(0.4, max(width - bay, 0.5), bay)), 0.4)], 1
    )
    glass = Paint(tones.pick(rng, tones.GLASS), Label.BUILDING, 0.5, 0.6, glow=0.25)
    thing.add(panels(corner, along, up, at, (bay - 0.6, 2.1)), glass, cull=True)
    board = Paint(tones.pick(rng, tones.FLEET), Label.BUILDING, 0.15, 1.5)
    thing.add(panels(corner, along, up, at + np.array([0.0, 2.25]), (bay - 0.6, 0.6)), board, cull=True)


def block(rng: np.random.Generator, s: float, t: float, length: float, height: float, shops: bool) -> Thing:
    """A building of ``length`` metres along the road whose front stands at s (negative = left of the road)."""
    side = 1.0 if s > 0 else -1.0
    depth = rng.uniform(9, 16)
    thing = Thing(s, t + length / 2, long=True, shadow=(0.0, length / 2, height))
    paint = _wall_paint(rng)
    x = (0.0, depth) if side > 0 else (-depth, 0.0)
    thing.box(x, (0, height), (-length / 2, length / 2), paint)
    if t < _DETAIL:
        base = 3.4 if shops else 0.3
        road = np.array([0.0, 0.0, -length / 2 * side]), np.array([0.0, 0.0, side])
        front = np.array([x[1], 0.0, -length / 2]), np.array([-1.0, 0.0, 0.0])
        if shops:
            _shop(rng, thing, *road, length)
        _windows(rng, thing, *road, length, height, base)
        _windows(rng, thing, *front, depth, height, base)
    _roof(rng, thing, x, length / 2, height, gable=height < 11 and rng.random() < 0.75)
    return thing


def _roof(
    rng: np.random.Generator, thing: Thing, x: tuple[float, float], half: float, height: float, gable: bool
) -> None:
    paint = Paint(tones.pick(rng, tones.ROOF), Label.BUILDING, 0.25, 1.2, Pattern.RIBS)
    (x0, x1), over = x, 0.4
    if not gable:
        thing.box((x0 - 0.15, x1 + 0.15), (height, height + rng.uniform(0.3, 0.8)), (-half - 0.15, half + 0.15), paint)
        return
    ridge, middle = height + rng.uniform(2.0, 4.0), (x0 + x1) / 2
    wall = Paint(tones.pick(rng, tones.PLASTER), Label.BUILDING, 0.15, 0.6)
    z0, z1 = -half - over, half + over
    thing.add([(x1 + over, height, -half), (x0 - over, height, -half), (middle, ridge, -half)], wall)
    thing.add([(x0 - over, height, z0), (x0 - over, height, z1), (middle, ridge, z1), (middle, ridge, z0)], paint, True)
    thing.add([(x1 + over, height, z1), (x1 + over, height, z0), (middle, ridge, z0), (middle, ridge, z1)], paint, True)


def skyline(rng: np.random.Generator, t: float, green: bool) -> list[Thing]:
    """Far roofs and trees across the whole view, at t."""
    things = []
    for _ in range(26):
        thing = Thing(rng.uniform(-260, 260), t + rng.uniform(0, 60), facing=True, long=True)
        if rng.random() < (0.75 if green else 0.3):
            leaf = Paint(tones.pick(rng, tones.LEAF), Label.VEGETATION, 0.5, 0.2, Pattern.LEAVES)
            width, height = rng.uniform(12, 45), rng.uniform(5, 14)
            turn = np.linspace(0, np.pi, 16)
            bumps = height * np.sin(turn) ** 0.5 * rng.uniform(0.75, 1.1, 16)
            thing.add(np.stack([-np.cos(turn) * width, bumps, np.zeros(16)], 1), leaf)
        else:
            width, height = rng.uniform(8, 25), rng.uniform(6, 16 if green else 38)
            thing.rect(-width / 2, 0, width, height, _wall_paint(rng))
        things.append(thing)
    return things
