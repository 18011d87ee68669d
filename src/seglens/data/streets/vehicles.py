"""Cars, vans, trucks, buses and trams. They head along +z of their own axes; rear at -z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Paint, Thing, panels

_UP = np.array([0.0, 1.0, 0.0])
_TYRE = (0.09, 0.09, 0.10)


def _wheels(thing: Thing, half: float, places: tuple[float, ...], radius: float, label: Label) -> None:
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    for z in places:
        for part, paint in ((1.0, Paint(_TYRE, label)), (0.55, Paint((0.5, 0.5, 0.52), label))):
            y, dz = radius + radius * part * np.cos(turn), radius * part * np.sin(turn)
            x = np.full(10, half + 0.02)
            thing.add(np.stack([x, y, z + dz], 1), paint, cull=True)
            thing.add(np.stack([-x, y, z + dz], 1)[::-1], paint, cull=True)
        for x0 in (-half + 0.02, half - 0.24):  # seen from behind or before
            thing.rect(x0, 0, 0.22, radius, Paint(_TYRE, label), z=z)


def _ends(thing: Thing, half: float, y: float, rear: float, front: float, label: Label, braking: bool) -> None:
    """Tail lights and plate behind, head lamps before."""
    red = Paint((0.85, 0.12, 0.10) if braking else (0.55, 0.10, 0.10), label, 0, 1, glow=0.8 if braking else 0.25)
    lamp = Paint((0.95, 0.94, 0.86), label, 0, 1, glow=0.8)
    plate = Paint((0.86, 0.86, 0.82), label, 0, 1)
    left, right = np.array([-1.0, 0, 0]), np.array([1.0, 0, 0])
    at = np.array([(0.04, 0.0), (2 * half - 0.32, 0.0)])
    thing.add(panels(np.array([half, y, rear - 0.02]), left, _UP, at, (0.28, 0.2)), red, cull=True)
    thing.add(
        panels(np.array([0.26, y - 0.25, rear - 0.02]), left, _UP, np.zeros((1, 2)), (0.52, 0.14)), plate, cull=True
    )
    thing.add(panels(np.array([-half, y - 0.05, front + 0.02]), right, _UP, at, (0.28, 0.18)), lamp, cull=True)
    grille = Paint((0.1, 0.1, 0.11), label)
    thing.add(
        panels(np.array([-half * 0.55, y - 0.28, front + 0.02]), right, _UP, np.zeros((1, 2)), (half * 1.1, 0.2)),
        grille,
        cull=True,
    )


def car(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A saloon, hatchback, estate or van."""
    van = rng.random() < 0.14
    scale = rng.uniform(0.92, 1.08)
    length, half = (5.2, 0.98) if van else (4.3 * scale, 0.89)
    thing = Thing(s, t, yaw, speed, shadow=(half, length / 2, 1.3))
    paint = Paint(tones.pick(rng, tones.CAR), Label.CAR, 0.1, 0.8)
    glass = Paint(tones.pick(rng, tones.GLASS), Label.CAR, 0.25, 0.7)
    rear, front, top = -length / 2, length / 2, (2.1 if van else rng.uniform(1.38, 1.62))
    belt = 1.15 if van else rng.uniform(0.82, 0.95)
    thing.prism(
        [(rear, 0.0, half * 0.9), (rear, 0.32, half * 0.9), (front, 0.32, half * 0.9), (front, 0.0, half * 0.9)],
        Paint((0.05, 0.05, 0.06), Label.CAR),
    )
    thing.prism(
        [
            (rear, 0.3, half),
            (rear, belt - 0.08, half),
            (rear + 0.12, belt, half),
            (front - 0.7, belt - 0.05, half),
            (front - 0.05, belt - 0.22, half),
            (front, 0.3, half),
        ],
        paint,
    )
    back = rear + (0.05 if van else rng.choice([0.1, 0.35, 0.75]))
    nose = front - (0.9 if van else 1.25)
    roof = half * 0.78
    foot, rise = (back, belt - 0.02, half * 0.97), 0.15 if van else rng.uniform(0.3, 0.6)
    shape = [foot, (back + rise, top, roof), (nose - 0.8, top, roof), (nose, belt - 0.04, half * 0.97)]
    thing.prism(shape, paint)
    rise_glass = [(back + 0.02 + rise * 0.15, belt + 0.08), (back + rise * 0.85, top - 0.1)]
    for (z, y), (z2, y2), (w, w2) in (
        (
            (rise_glass[0][0] - 0.04, rise_glass[0][1]),
            (rise_glass[1][0] - 0.04, rise_glass[1][1]),
            (half * 0.82, roof * 0.88),
        ),
    ):
        thing.add([(w, y, z), (-w, y, z), (-w2, y2, z2), (w2, y2, z2)], glass, cull=True)
    thing.add(
        [
            (-half * 0.85, belt + 0.05, nose - 0.03),
            (half * 0.85, belt + 0.05, nose - 0.03),
            (roof * 0.9, top - 0.08, nose - 0.7),
            (-roof * 0.9, top - 0.08, nose - 0.7),
        ],
        glass,
        cull=True,
    )
    side = [
        (half * 0.96, belt + 0.04, back + 0.25),
        (roof + 0.05, top - 0.1, back + rise + 0.1),
        (roof + 0.05, top - 0.1, nose - 0.85),
        (half * 0.96, belt + 0.04, nose - 0.2),
    ]
    thing.add(side, glass, cull=True)
    thing.add([(-x, y, z) for x, y, z in side[::-1]], glass, cull=True)
    _wheels(thing, half, (rear + 0.8, front - 0.85), 0.32, Label.CAR)
    _ends(thing, half, belt - 0.25, rear, front, Label.CAR, braking=rng.random() < 0.4)
    return thing


def _side_strip(
    thing: Thing, half: float, z: tuple[float, float], y: tuple[float, float], bay: float, paint: Paint
) -> None:
    """A row of windows or doors on both sides."""
    at = np.stack([np.arange(0.2, z[1] - z[0] - bay, bay), np.zeros(len(np.arange(0.2, z[1] - z[0] - bay, bay)))], 1)
    size = (bay * 0.86, y[1] - y[0])
    thing.add(panels(np.array([half + 0.02, y[0], z[1]]), np.array([0, 0, -1.0]), _UP, at, size), paint, cull=True)
    thing.add(panels(np.array([-half - 0.02, y[0], z[0]]), np.array([0, 0, 1.0]), _UP, at, size), paint, cull=True)


def _end_glass(thing: Thing, half: float, z: float, y: tuple[float, float], ahead: bool, paint: Paint) -> None:
    sign = 1.0 if ahead else -1.0
    corner = np.array([-half * 0.88 * sign, y[0], z + 0.03 * sign])
    thing.add(
        panels(corner, np.array([sign, 0, 0]), _UP, np.zeros((1, 2)), (half * 1.76, y[1] - y[0])), paint, cull=True
    )


def truck(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A lorry: a cab and a box, a tarpaulin or a flat bed."""
    length, half, top = rng.uniform(6.5, 10.5), 1.2, rng.uniform(2.8, 3.7)
    thing = Thing(s, t, yaw, speed, solid=True, shadow=(half, length / 2, 3.2))
    cab = Paint(tones.pick(rng, tones.FLEET), Label.TRUCK, 0.1, 0.8)
    load = Paint(tones.pick(rng, tones.FLEET + tones.PLASTER), Label.TRUCK, 0.14, 0.5)
    glass = Paint(tones.pick(rng, tones.GLASS), Label.TRUCK, 0.25, 0.7)
    rear, front = -length / 2, length / 2
    split = front - 2.0
    parts: list[Callable[[], None]] = [
        lambda: thing.prism(
            [(split, 0.5, half), (split, 2.7, half), (front - 0.25, 2.7, half), (front, 1.5, half), (front, 0.5, half)],
            cab,
        ),
        lambda: thing.prism(
            [(rear, 0.95, half), (rear, top, half), (split - 0.15, top, half), (split - 0.15, 0.95, half)], load
        ),
    ]
    for build in parts if np.cos(yaw) > 0 else parts[::-1]:  # the farther part first
        build()
    thing.prism(
        [(rear, 0.45, half * 0.8), (rear, 0.95, half * 0.8), (split, 0.95, half * 0.8), (split, 0.45, half * 0.8)],
        Paint((0.13, 0.13, 0.14), Label.TRUCK),
    )
    _end_glass(thing, half, front - 0.12, (1.65, 2.5), True, glass)
    _side_strip(thing, half, (split + 0.3, front - 0.1), (1.6, 2.4), 1.2, glass)
    seam = Paint(tones.shade(load.color, 0.7), Label.TRUCK)
    thing.add(
        panels(np.array([0.05, 1.0, rear - 0.02]), np.array([-1.0, 0, 0]), _UP, np.zeros((1, 2)), (0.1, top - 1.1)),
        seam,
        cull=True,
    )
    _wheels(thing, half, (rear + 1.0, rear + 2.0, front - 1.3), 0.48, Label.TRUCK)
    _ends(thing, half, 0.75, rear, front, Label.TRUCK, braking=rng.random() < 0.4)
    return thing


def bus(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A city bus."""
    length, half, top = rng.uniform(9.5, 12.5), 1.26, rng.uniform(2.9, 3.2)
    thing = Thing(s, t, yaw, speed, solid=True, shadow=(half, length / 2, 3.0))
    _coach(rng, thing, length, half, top, Label.BUS)
    _wheels(thing, half, (-length / 2 + 2.4, length / 2 - 2.4), 0.48, Label.BUS)
    return thing


def tram(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A tram of three or four joined cars (class train)."""
    length, half, top = rng.uniform(20, 34), 1.25, rng.uniform(3.2, 3.5)
    thing = Thing(s, t, yaw, speed, solid=True, shadow=(half, length / 2, 3.3))
    _coach(rng, thing, length, half, top, Label.TRAIN)
    skirt = Paint((0.14, 0.14, 0.15), Label.TRAIN)
    _side_strip(thing, half, (-length / 2 + 1, length / 2 - 1), (0.08, 0.4), 4.0, skirt)
    joint = Paint((0.2, 0.2, 0.21), Label.TRAIN)
    _side_strip(thing, half + 0.02, (-length / 6 - 0.6, -length / 6 + 0.6), (0.4, top - 0.1), 0.9, joint)
    thing.rect(-0.7, top, 1.4, 0.25, Paint((0.3, 0.3, 0.31), Label.TRAIN), z=0.0)
    thing.limb((-0.5, top + 0.2), (0.3, top + 1.3), 0.07, Paint((0.25, 0.25, 0.26), Label.TRAIN))
    return thing


def _coach(rng: np.random.Generator, thing: Thing, length: float, half: float, top: float, label: Label) -> None:
    """The long body that buses and trams share."""
    paint = Paint(tones.pick(rng, tones.FLEET), label, 0.1, 0.6)
    lower = Paint(tones.pick(rng, tones.FLEET), label, 0.1, 0.6) if rng.random() < 0.5 else paint
    glass = Paint(tones.pick(rng, tones.GLASS[:2]), label, 0.3, 0.5, glow=0.15)
    rear, front = -length / 2, length / 2
    thing.prism(
        [
            (rear, 0.3, half),
            (rear, top - 0.15, half),
            (rear + 0.2, top, half),
            (front - 0.3, top, half),
            (front, top - 0.4, half),
            (front, 0.3, half),
        ],
        paint,
    )
    if lower is not paint:
        _side_strip(thing, half, (rear, front), (0.35, 1.0), length / 3, lower)
    _side_strip(thing, half, (rear + 0.3, front - 0.3), (1.15, top - 0.6), rng.uniform(1.2, 1.9), glass)
    _side_strip(thing, half + 0.01, (rear + length * 0.4, rear + length * 0.4 + 1.6), (0.4, top - 0.5), 1.3, glass)
    _end_glass(thing, half, front, (1.1, top - 0.55), True, glass)
    _end_glass(thing, half, rear, (1.5, top - 0.6), False, glass)
    sign = Paint((0.95, 0.62, 0.15), label, 0, 1, glow=0.7)
    for z, ahead in ((front - 0.1, True), (rear, False)):
        _end_glass(thing, half * 0.6, z, (top - 0.48, top - 0.22), ahead, sign)
    _ends(thing, half, 0.75, rear, front, label, braking=rng.random() < 0.3)
