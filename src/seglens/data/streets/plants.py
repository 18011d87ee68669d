"""Trees, bushes and hedges."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Floats, Paint, Pattern, Thing


def _ragged(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, corners: int, rough: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 1)
    radius = 1 + rough * rng.uniform(-1, 1, corners)
    return np.stack([x + rx * radius * np.sin(turn), y + ry * radius * np.cos(turn), np.zeros(corners)], 1)


def _foliage(rng: np.random.Generator) -> Paint:
    return Paint(
        tones.pick(rng, tones.LEAF), Label.VEGETATION, rng.uniform(0.35, 0.6), rng.uniform(0.6, 1.4), Pattern.LEAVES
    )


def _clusters(rng: np.random.Generator, thing: Thing, leaf: Paint, y: float, rx: float, ry: float, count: int) -> None:
    """Clumps of leaves in four tones, the lighter ones above."""
    turn, reach = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.2, 0.85, count)
    rise = reach * np.cos(turn)
    order = np.argsort(rise + rng.normal(0, 0.25, count))
    middle = np.stack([rx * reach * np.sin(turn), y + ry * rise, np.zeros(count)], 1)[order]
    angle = np.arange(9) * (2 * np.pi / 9)
    rough = 1 + rng.uniform(-0.25, 0.25, (count, 9, 1))
    spread = np.stack([rx * np.sin(angle), ry * np.cos(angle), np.zeros(9)], 1)
    clumps = middle[:, None] + spread * rough * rng.uniform(0.18, 0.4, (count, 1, 1))
    for part, tone in zip(np.array_split(clumps, 4), (0.74, 0.92, 1.1, 1.3), strict=True):
        color = tones.shade(leaf.color, tone + rng.normal(0, 0.05))
        thing.add(part, Paint(color, leaf.label, leaf.grain, leaf.scale, leaf.pattern))


def tree(rng: np.random.Generator, s: float, t: float, height: float) -> Thing:
    """A broad tree, a conifer or a poplar of ``height`` metres."""
    thing = Thing(s, t, facing=True, shadow=(height * 0.22, height * 0.22, height))
    leaf = _foliage(rng)
    bark = Paint(tones.pick(rng, tones.WOOD[:3]), Label.VEGETATION, 0.3, 3.0)
    kind = rng.choice(3, p=[0.72, 0.14, 0.14])
    foot = height * rng.uniform(0.2, 0.38)
    trunk = height * rng.uniform(0.025, 0.045)
    thing.limb((0, 0), (rng.normal(0, 0.1), foot * 1.5), trunk, bark)
    if kind == 1:
        thing.add([(-0.24 * height, foot * 0.5, 0), (0, height, 0), (0.24 * height, foot * 0.5, 0)], leaf)
        _clusters(rng, thing, leaf, height * 0.45, height * 0.16, height * 0.3, 12)
        return thing
    rx = height * (rng.uniform(0.26, 0.42) if kind == 0 else rng.uniform(0.12, 0.18))
    middle, ry = (foot + height) / 2, (height - foot) / 2
    thing.add(_ragged(rng, 0, middle, rx, ry, 26, 0.16), leaf)
    _clusters(rng, thing, leaf, middle, rx, ry, 18)
    return thing


def bush(rng: np.random.Generator, s: float, t: float, size: float) -> Thing:
    """A bush that stands on the ground."""
    thing = Thing(s, t, facing=True, shadow=(size * 0.4, size * 0.4, size))
    leaf = _foliage(rng)
    outline = _ragged(rng, 0, size * 0.35, size * 0.75, size * 0.6, 18, 0.18)
    outline[:, 1] = np.maximum(outline[:, 1], 0)
    thing.add(outline, leaf)
    _clusters(rng, thing, leaf, size * 0.45, size * 0.5, size * 0.35, 8)
    return thing


def hedge(rng: np.random.Generator, s: float, t: float, length: float, height: float) -> Thing:
    """A clipped hedge along the road."""
    thing = Thing(s, t + length / 2, long=True, shadow=(0.4, length / 2, height))
    thing.box((-0.4, 0.4), (0, height), (-length / 2, length / 2), _foliage(rng))
    return thing
