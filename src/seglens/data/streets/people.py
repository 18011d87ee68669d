"""Pedestrians, riders, bicycles and motorcycles: flat figures that face the camera."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Color, Paint, Thing


def _cloth(rng: np.random.Generator, label: Label) -> Paint:
    return Paint(tones.pick(rng, tones.CLOTH), label, 0.15, 3.0)


def _head(rng: np.random.Generator, thing: Thing, x: float, y: float, label: Label, helmet: bool) -> None:
    thing.disc(x, y, 0.1, 0.13, Paint(tones.pick(rng, tones.SKIN), label), 8)
    hair = tones.pick(rng, tones.CAR if helmet else ((0.12, 0.09, 0.07), (0.35, 0.24, 0.15), (0.6, 0.5, 0.35)))
    thing.disc(x, y + 0.06, 0.12 if helmet else 0.105, 0.1, Paint(hair, label), 8)


def person(rng: np.random.Generator, s: float, t: float, drift: float = 0.0, speed: float = 0.0) -> Thing:
    """A pedestrian, walking or standing; some are children, some carry a bag."""
    size = rng.uniform(0.6, 0.8) if rng.random() < 0.12 else rng.uniform(0.92, 1.06)
    thing = Thing(s, t, speed=speed, drift=drift, facing=True, shadow=(0.2, 0.2, 1.7 * size))
    coat, trousers = _cloth(rng, Label.PERSON), _cloth(rng, Label.PERSON)
    stride = rng.uniform(0.05, 0.34) * (1 if drift else 0.6)
    for side in (-1, 1):
        thing.limb((side * 0.08, 0.86), (side * stride, 0.06), 0.16, trousers)
        thing.limb(
            (side * stride - 0.03, 0.04), (side * stride + 0.15, 0.04), 0.1, Paint((0.1, 0.1, 0.1), Label.PERSON)
        )
    hem = rng.uniform(0.55, 0.85)
    thing.add([(-0.2, hem, 0), (-0.23, 1.42, 0), (-0.1, 1.52, 0), (0.1, 1.52, 0), (0.23, 1.42, 0), (0.2, hem, 0)], coat)
    for side in (-1, 1):
        thing.limb(
            (side * 0.24, 1.42),
            (side * (0.26 + stride * 0.4), 0.82),
            0.1,
            Paint(tones.shade(coat.color, 0.85), Label.PERSON),
        )
    if rng.random() < 0.3:
        thing.rect(0.22, 0.7, 0.22, 0.35, _cloth(rng, Label.PERSON))
    _head(rng, thing, 0, 1.63, Label.PERSON, helmet=False)
    _scale(thing, size, 1.0)
    return thing


def _scale(thing: Thing, size: float, width: float) -> None:
    thing.shapes = [(points * (size * width, size, 1.0), paint, cull) for points, paint, cull in thing.shapes]


def _wheel(thing: Thing, x: float, radius: float, rim: Paint, inside: Paint) -> None:
    thing.disc(x, radius, radius, radius, rim, 12)
    thing.disc(x, radius, radius * 0.8, radius * 0.8, inside, 12)


def _through(rng: np.random.Generator) -> Color:
    return tones.pick(rng, tones.ASPHALT + tones.PAVING)


def _bicycle(rng: np.random.Generator, thing: Thing) -> None:
    frame = Paint(tones.pick(rng, tones.CAR), Label.BICYCLE)
    rim, inside = Paint((0.10, 0.10, 0.10), Label.BICYCLE), Paint(_through(rng), Label.BICYCLE, 0.2, 1.0)
    _wheel(thing, -0.52, 0.34, rim, inside)
    _wheel(thing, 0.52, 0.34, rim, inside)
    thing.add([(-0.14, 0.3, 0), (-0.2, 0.85, 0), (0.4, 0.82, 0)], inside)
    for a, b in (
        ((-0.52, 0.34), (-0.12, 0.3)),
        ((-0.12, 0.3), (0.38, 0.8)),
        ((-0.2, 0.85), (0.4, 0.82)),
        ((-0.12, 0.3), (-0.22, 0.95)),
        ((0.52, 0.34), (0.36, 1.0)),
    ):
        thing.limb(a, b, 0.06, frame)
    thing.limb((-0.34, 0.96), (-0.1, 0.96), 0.07, rim)
    thing.limb((0.24, 1.02), (0.44, 1.0), 0.05, rim)


def _motorcycle(rng: np.random.Generator, thing: Thing) -> None:
    tank = Paint(tones.pick(rng, tones.CAR), Label.MOTORCYCLE, 0.1, 2.0)
    dark = Paint((0.10, 0.10, 0.11), Label.MOTORCYCLE, 0.2, 3.0)
    _wheel(thing, -0.7, 0.32, dark, Paint((0.35, 0.35, 0.36), Label.MOTORCYCLE))
    _wheel(thing, 0.7, 0.32, dark, Paint((0.35, 0.35, 0.36), Label.MOTORCYCLE))
    thing.add(
        [
            (-0.75, 0.75, 0),
            (-0.8, 0.9, 0),
            (0.1, 0.85, 0),
            (0.5, 0.95, 0),
            (0.55, 0.6, 0),
            (0.2, 0.3, 0),
            (-0.4, 0.3, 0),
        ],
        dark,
    )
    thing.add([(0.0, 0.75, 0), (0.05, 1.0, 0), (0.45, 1.02, 0), (0.55, 0.75, 0)], tank)
    thing.limb((0.7, 0.32), (0.5, 1.1), 0.09, dark)
    thing.limb((0.4, 1.12), (0.6, 1.12), 0.07, dark)
    thing.disc(0.66, 0.92, 0.1, 0.1, Paint((0.95, 0.93, 0.8), Label.MOTORCYCLE, glow=0.7), 8)


def _rear_view(rng: np.random.Generator, thing: Thing, label: Label, wide: float) -> None:
    """A two-wheeler from behind: a narrow wheel, a body, the handlebar."""
    thing.rect(-0.07 * wide, 0, 0.14 * wide, 0.68, Paint((0.1, 0.1, 0.1), label))
    thing.rect(-0.13 * wide, 0.45, 0.26 * wide, 0.45, Paint(tones.pick(rng, tones.CAR), label))
    thing.limb((-0.32, 1.04), (0.32, 1.04), 0.06, Paint((0.15, 0.15, 0.16), label))
    thing.rect(-0.06, 0.72, 0.12, 0.08, Paint((0.8, 0.1, 0.08), label, glow=0.7))


def two_wheeler(
    rng: np.random.Generator,
    s: float,
    t: float,
    motor: bool,
    ridden: bool,
    along: bool,
    drift: float = 0.0,
    speed: float = 0.0,
) -> Thing:
    """A bicycle or motorcycle, with its rider or left alone, seen from behind (``along`` the road) or from the side."""
    thing = Thing(s, t, speed=speed, drift=drift, facing=True, shadow=(0.3, 0.8, 1.2))
    label = Label.MOTORCYCLE if motor else Label.BICYCLE
    if along:
        _rear_view(rng, thing, label, 2.0 if motor else 1.0)
    elif motor:
        _motorcycle(rng, thing)
    else:
        _bicycle(rng, thing)
    if ridden:
        (_ride_rear if along else _ride_side)(rng, thing, motor)
    mirrored = -1.0 if drift < 0 or (not drift and rng.random() < 0.5) else 1.0
    _scale(thing, rng.uniform(0.95, 1.05), mirrored * (1.0 if along else rng.uniform(0.55, 1.0)))
    return thing


def _ride_side(rng: np.random.Generator, thing: Thing, motor: bool) -> None:
    coat, trousers = _cloth(rng, Label.RIDER), _cloth(rng, Label.RIDER)
    lean = rng.uniform(0.15, 0.4)
    thing.limb((-0.22, 0.98), (0.16, 0.72), 0.17, trousers)
    thing.limb((0.16, 0.72), (-0.02, 0.28), 0.14, trousers)
    thing.add([(-0.36, 0.92, 0), (lean - 0.34, 1.5, 0), (lean - 0.05, 1.5, 0), (-0.06, 0.92, 0)], coat)
    thing.limb((lean - 0.18, 1.42), (0.4, 1.06), 0.1, Paint(tones.shade(coat.color, 0.85), Label.RIDER))
    _head(rng, thing, lean - 0.12, 1.64, Label.RIDER, helmet=motor or rng.random() < 0.5)


def _ride_rear(rng: np.random.Generator, thing: Thing, motor: bool) -> None:
    coat, trousers = _cloth(rng, Label.RIDER), _cloth(rng, Label.RIDER)
    for side in (-1, 1):
        thing.limb((side * 0.12, 0.95), (side * 0.17, 0.35 + 0.12 * side), 0.15, trousers)
    thing.add(
        [(-0.19, 0.88, 0), (-0.25, 1.42, 0), (-0.1, 1.53, 0), (0.1, 1.53, 0), (0.25, 1.42, 0), (0.19, 0.88, 0)], coat
    )
    for side in (-1, 1):
        thing.limb((side * 0.25, 1.4), (side * 0.3, 1.06), 0.1, Paint(tones.shade(coat.color, 0.85), Label.RIDER))
    _head(rng, thing, 0, 1.65, Label.RIDER, helmet=motor or rng.random() < 0.5)
