"""What stands in the street: poles, lamps, signs, lights, fences, walls and the things no class is made for."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Paint, Pattern, Thing

RED, AMBER, GREEN = (0.95, 0.16, 0.10), (0.98, 0.66, 0.12), (0.15, 0.85, 0.50)


def _metal(rng: np.random.Generator, label: Label = Label.POLE) -> Paint:
    return Paint(tones.pick(rng, tones.METAL), label, 0.12, 2.0)


def _mast(rng: np.random.Generator, thing: Thing, height: float, radius: float, paint: Paint) -> None:
    lean = rng.normal(0, 0.006) * height
    thing.add(
        [(-radius, 0, 0), (lean - radius * 0.7, height, 0), (lean + radius * 0.7, height, 0), (radius, 0, 0)], paint
    )


def lamp(rng: np.random.Generator, s: float, t: float) -> Thing:
    """A street lamp with its arm over the road."""
    thing = Thing(s, t, facing=True, shadow=(0.07, 0.07, 7))
    paint, height = _metal(rng), rng.uniform(5.5, 9)
    _mast(rng, thing, height, 0.1, paint)
    reach = -np.sign(s) * rng.uniform(0.8, 2.2)
    thing.limb((0, height - 0.1), (reach, height + 0.25), 0.1, paint)
    head = Paint((0.92, 0.88, 0.74), Label.POLE, 0.05, 1.0, glow=0.9)
    thing.limb((reach * 0.75, height + 0.2), (reach * 1.1, height + 0.25), 0.16, head)
    return thing


def post(rng: np.random.Generator, s: float, t: float, height: float) -> Thing:
    """A bare pole: a utility mast, or a bollard when it is low."""
    thing = Thing(s, t, facing=True)
    wooden = height > 4 and rng.random() < 0.5
    paint = Paint(tones.pick(rng, tones.WOOD), Label.POLE, 0.2, 2.0) if wooden else _metal(rng)
    _mast(rng, thing, height, 0.13 if height > 4 else 0.08, paint)
    if wooden:
        thing.limb((-0.9, height - 0.5), (0.9, height - 0.5), 0.12, paint)
    return thing


def sign(rng: np.random.Generator, s: float, t: float) -> Thing:
    """A traffic sign on its pole: a disc, a triangle, a board, or the grey back of one."""
    thing = Thing(s, t, facing=True)
    height = rng.uniform(2.1, 3.0)
    _mast(rng, thing, height, 0.045, _metal(rng))
    _plate(rng, thing, 0, height, rng.uniform(0.3, 0.5))
    if rng.random() < 0.3:
        _plate(rng, thing, 0, height - 0.75, rng.uniform(0.22, 0.32))
    return thing


def _plate(rng: np.random.Generator, thing: Thing, x: float, y: float, r: float) -> None:
    red, white, blue, yellow, grey = (
        Paint(color, Label.SIGN, 0.08, 1.5)
        for color in (
            (0.76, 0.12, 0.12),
            (0.88, 0.88, 0.86),
            (0.12, 0.28, 0.62),
            (0.88, 0.74, 0.14),
            (0.55, 0.56, 0.57),
        )
    )
    kind = rng.integers(6)
    if kind == 0:
        thing.disc(x, y, r, r, red)
        thing.disc(x, y, r * 0.7, r * 0.7, white)
    elif kind == 1:
        thing.add([(x - r * 1.1, y - r * 0.7, 0), (x, y + r * 1.1, 0), (x + r * 1.1, y - r * 0.7, 0)], red)
        thing.add([(x - r * 0.7, y - r * 0.45, 0), (x, y + r * 0.7, 0), (x + r * 0.7, y - r * 0.45, 0)], white)
    elif kind == 2:
        thing.disc(x, y, r, r, blue)
        thing.limb((x - r * 0.5, y), (x + r * 0.5, y), r * 0.3, white)
    elif kind == 3:
        thing.rect(x - r, y - r, 2 * r, 2 * r, blue if rng.random() < 0.6 else yellow)
        thing.rect(x - r * 0.5, y - r * 0.5, r, r, white)
    elif kind == 4:
        thing.add([(x - r, y, 0), (x, y + r, 0), (x + r, y, 0), (x, y - r, 0)], yellow)
    else:
        thing.disc(x, y, r, r, grey)


def board(rng: np.random.Generator, s: float, t: float) -> Thing:
    """A direction board on two poles, or on a gantry over the road."""
    thing = Thing(s, t, facing=True)
    width, height, foot = rng.uniform(1.8, 3.5), rng.uniform(1.0, 1.8), rng.uniform(2.4, 4.8)
    paint = _metal(rng)
    thing.limb((-width * 0.35, 0), (-width * 0.35, foot + height), 0.12, paint)
    thing.limb((width * 0.35, 0), (width * 0.35, foot + height), 0.12, paint)
    face = Paint(tones.pick(rng, ((0.10, 0.30, 0.60), (0.12, 0.42, 0.26), (0.84, 0.84, 0.80))), Label.SIGN, 0.1, 1.0)
    thing.rect(-width / 2, foot, width, height, face)
    text = Paint((0.85, 0.85, 0.85), Label.SIGN) if face.color[0] < 0.5 else Paint((0.1, 0.1, 0.1), Label.SIGN)
    for row in (0.25, 0.6):
        thing.rect(-width * 0.4, foot + height * row, width * rng.uniform(0.4, 0.8), height * 0.12, text)
    return thing


def lights(rng: np.random.Generator, s: float, t: float, away: bool, arm: float = 0.0) -> Thing:
    """Traffic lights on a pole, with an arm over the road or without; ``away`` shows the dark back."""
    thing = Thing(s, t, facing=True)
    paint = _metal(rng)
    height = 5.6 if arm else rng.uniform(2.8, 3.5)
    _mast(rng, thing, height, 0.08, paint)
    lit = int(rng.integers(3))
    if arm:
        reach = -np.sign(s) * arm
        thing.limb((0, height - 0.1), (reach, height), 0.12, paint)
        _signal(rng, thing, reach, height - 0.9, 1.15, lit, away)
        _signal(rng, thing, 0.0, 2.6, 1.0, lit, away)
    else:
        _signal(rng, thing, 0.0, height - 0.7, 1.0, lit, away)
    return thing


def _signal(rng: np.random.Generator, thing: Thing, x: float, y: float, size: float, lit: int, away: bool) -> None:
    case = Paint(tones.pick(rng, ((0.08, 0.09, 0.08), (0.12, 0.12, 0.12), (0.16, 0.22, 0.17))), Label.LIGHT, 0.05, 1.0)
    thing.rect(x - 0.24 * size, y, 0.48 * size, 1.2 * size, case)
    if away:
        return
    for row, color in enumerate((RED, AMBER, GREEN)):
        on = row == lit
        glass = Paint(color if on else tones.shade(color, 0.25), Label.LIGHT, 0.0, 1.0, glow=1.0 if on else 0.0)
        thing.disc(x, y + (0.98 - 0.38 * row) * size, 0.16 * size, 0.16 * size, glass, 8)


def fence(rng: np.random.Generator, s: float, t: float, length: float) -> Thing:
    """A fence of bars, pickets or mesh; as in real labels its gaps belong to it."""
    thing = Thing(s, t + length / 2, long=True, shadow=(0.05, length / 2, 1.0))
    height = rng.uniform(0.9, 2.0)
    palette = tones.METAL if rng.random() < 0.5 else tones.WOOD
    color, through = tones.pick(rng, palette), tones.pick(rng, tones.LEAF if rng.random() < 0.6 else tones.PLASTER)
    half = length / 2
    panel = Paint(tones.shade(color, 0.9), Label.FENCE, 0.15, 1.0, Pattern.BARS, second=tones.shade(through, 0.8))
    thing.add([(0, 0, half), (0, 0, -half), (0, height, -half), (0, height, half)], panel)
    rail = Paint(color, Label.FENCE, 0.1, 1.0)
    for y in (0.15, height - 0.1):
        thing.add([(0, y, half), (0, y, -half), (0, y + 0.09, -half), (0, y + 0.09, half)], rail)
    for z in np.arange(-half, half + 0.1, 2.5):
        thing.add([(0, 0, z), (0, 0, z + 0.12), (0, height + 0.08, z + 0.12), (0, height + 0.08, z)], rail)
    return thing


def wall(rng: np.random.Generator, s: float, t: float, length: float) -> Thing:
    """A free-standing wall of brick, stone or plaster, sometimes higher than a person."""
    height = rng.uniform(1.0, 3.2)
    thing = Thing(s, t + length / 2, long=True, shadow=(0.2, length / 2, height))
    palette = (tones.BRICK, tones.STONE, tones.PLASTER)[rng.integers(3)]
    color = tones.pick(rng, palette)
    pattern = Pattern.BRICKS if palette is not tones.PLASTER else Pattern.PLAIN
    thing.box(
        (-0.2, 0.2),
        (0, height),
        (-length / 2, length / 2),
        Paint(color, Label.WALL, 0.22, 0.7, pattern, second=tones.shade(color, 1.2)),
    )
    cap = Paint(tones.shade(color, 0.75), Label.WALL, 0.15, 1.0)
    thing.box((-0.25, 0.25), (height, height + 0.12), (-length / 2, length / 2), cap)
    return thing


def clutter(rng: np.random.Generator, s: float, t: float) -> Thing:
    """A bin, a cabinet or a box: void, as such things are in real sets."""
    thing = Thing(s, t, yaw=rng.normal(0, 0.2), shadow=(0.3, 0.3, 1.0))
    half, height = rng.uniform(0.22, 0.5), rng.uniform(0.8, 1.4)
    thing.box(
        (-half, half),
        (0, height),
        (-half, half),
        Paint(tones.pick(rng, tones.FLEET + tones.METAL), Label.VOID, 0.15, 1.0),
    )
    return thing
