"""Cars, vans, trucks, buses and trams. They head along +z of their own axes; rear at -z."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Paint, Thing, panels

_UP = np.array([0.0, 1.0, 0.0])
_TYRE = (0.09, 0.09, 0.10)


def _tyres(thing: Thing, half: float, places: tuple[float, ...], radius: float, label: Label) -> None:
    """The wheels as seen from behind or before; drawn before the body, which hides most of them."""
    for z in places:
        for x in (-half + 0.02, half - 0.24):
            thing.rect(x, 0, 0.22, radius, Paint(_TYRE, label), z=z)


def _wheels(thing: Thing, half: float, places: tuple[float, ...], radius: float, label: Label) -> None:
    """The wheels as seen from the side; drawn after the body."""
    turn = np.arange(10) * (2 * np.pi / 10)
    for z in places:
        for part, paint in ((1.0, Paint(_TYRE, label)), (0.55, Paint((0.5, 0.5, 0.52), label))):
            y, dz = radius + radius * part * np.cos(turn), radius * part * np.sin(turn)
            x = np.full(10, half + 0.02)
            thing.add(np.stack([x, y, z + dz], 1), paint, cull=True)
            thing.add(np.stack([-x, y, z + dz], 1)[::-1], paint, cull=True)


def _on_end(thing: Thing, x: float, y: float, z: float, size: tuple[float, float], ahead: bool, paint: Paint) -> None:
    """A rectangle on the front (``ahead``) or the rear, centred at x, its lower edge at y."""
    sign = 1.0 if ahead else -1.0
    corner = np.array([x - sign * size[0] / 2, y, z + 0.02 * sign])
    thing.add(panels(corner, np.array([sign, 0.0, 0.0]), _UP, np.zeros((1, 2)), size), paint, cull=True)


def _ends(thing: Thing, half: float, y: float, rear: float, front: float, label: Label, braking: bool) -> None:
    """Tail lights and plate behind; head lamps, grille and plate before."""
    red = Paint((0.85, 0.12, 0.10) if braking else (0.55, 0.10, 0.10), label, 0, 1, glow=0.8 if braking else 0.25)
    lamp = Paint((0.95, 0.94, 0.86), label, 0, 1, glow=0.6)
    plate, dark = Paint((0.86, 0.86, 0.82), label, 0, 1), Paint((0.10, 0.10, 0.11), label)
    _on_end(thing, 0, y - 0.22, rear, (0.52, 0.13), False, plate)
    _on_end(thing, 0, y - 0.16, front, (half * 0.95, 0.2), True, dark)
    _on_end(thing, 0, y - 0.32, front, (0.5, 0.12), True, plate)
    for x in (-half + 0.2, half - 0.2):
        _on_end(thing, x, y, rear, (0.28, 0.2), False, red)
        _on_end(thing, x, y - 0.12, front, (0.36, 0.22), True, dark)
        _on_end(thing, x, y - 0.1, front, (0.28, 0.17), True, lamp)


def car(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A saloon, hatchback, estate or van."""
    van = rng.random() < 0.14
    length, half = (5.2, 0.98) if van else (4.3 * rng.uniform(0.92, 1.08), 0.89)
    belt, top = (1.15, 2.1) if van else (rng.uniform(0.82, 0.95), rng.uniform(1.38, 1.62))
    thing = Thing(s, t, yaw, speed, shadow=(half, length / 2, 1.3))
    paint = Paint(tones.pick(rng, tones.CAR), Label.CAR, 0.1, 0.8)
    rear, front = -length / 2, length / 2
    axles = (rear + 0.8, front - 0.85)
    _tyres(thing, half, axles, 0.34, Label.CAR)
    low = half * 0.88
    sill = [(rear + 0.05, 0.15, low), (rear + 0.05, 0.34, low), (front - 0.05, 0.34, low), (front - 0.05, 0.15, low)]
    thing.prism(sill, Paint((0.05, 0.05, 0.06), Label.CAR))
    bonnet = [(front - 0.7, belt - 0.05, half), (front - 0.05, belt - 0.22, half), (front, 0.3, half)]
    thing.prism([(rear, 0.3, half), (rear, belt - 0.08, half), (rear + 0.12, belt, half), *bonnet], paint)
    back = rear + (0.05 if van else rng.choice([0.1, 0.35, 0.75]))
    _cabin(rng, thing, paint, (back, front - (0.9 if van else 1.25)), belt, top, half, van)
    _wheels(thing, half, axles, 0.32, Label.CAR)
    _ends(thing, half, belt - 0.25, rear, front, Label.CAR, braking=rng.random() < 0.4)
    return thing


def _cabin(
    rng: np.random.Generator,
    thing: Thing,
    paint: Paint,
    z: tuple[float, float],
    belt: float,
    top: float,
    half: float,
    van: bool,
) -> None:
    """The upper part of a car, with its windows; ``z`` is the range at the belt line."""
    glass = Paint(tones.pick(rng, tones.GLASS), Label.CAR, 0.25, 0.7)
    back, nose = z
    roof, rise = half * 0.78, 0.15 if van else rng.uniform(0.3, 0.6)
    foot = (back, belt - 0.02, half * 0.97)
    thing.prism([foot, (back + rise, top, roof), (nose - 0.8, top, roof), (nose, belt - 0.04, half * 0.97)], paint)
    wide, narrow, low, high = half * 0.82, roof * 0.88, belt + 0.07, top - 0.1
    z0, z1 = back + rise * 0.15 - 0.03, back + rise * 0.85 - 0.03
    thing.add([(wide, low, z0), (-wide, low, z0), (-narrow, high, z1), (narrow, high, z1)], glass, cull=True)
    z0, z1 = nose - 0.04, nose - 0.7
    thing.add([(-wide, low, z0), (wide, low, z0), (narrow, high, z1), (-narrow, high, z1)], glass, cull=True)
    outer, inner = half * 0.96, roof + 0.05
    side = [
        (outer, low, back + 0.25),
        (inner, high, back + rise + 0.1),
        (inner, high, nose - 0.85),
        (outer, low, nose - 0.2),
    ]
    thing.add(side, glass, cull=True)
    thing.add([(-x, y, z) for x, y, z in side[::-1]], glass, cull=True)


def _side_strip(
    thing: Thing, half: float, z: tuple[float, float], y: tuple[float, float], bay: float, paint: Paint
) -> None:
    """A row of windows or doors on both sides."""
    at = np.stack([np.arange(0.2, z[1] - z[0] - bay, bay), np.zeros(len(np.arange(0.2, z[1] - z[0] - bay, bay)))], 1)
    size = (bay * 0.86, y[1] - y[0])
    thing.add(panels(np.array([half + 0.02, y[0], z[1]]), np.array([0, 0, -1.0]), _UP, at, size), paint, cull=True)
    thing.add(panels(np.array([-half - 0.02, y[0], z[0]]), np.array([0, 0, 1.0]), _UP, at, size), paint, cull=True)


def _end_glass(thing: Thing, half: float, z: float, y: tuple[float, float], ahead: bool, paint: Paint) -> None:
    _on_end(thing, 0, y[0], z, (half * 1.76, y[1] - y[0]), ahead, paint)


def truck(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A lorry: a cab, and a box or a tarpaulin behind it."""
    length, half, top = rng.uniform(6.5, 10.5), 1.2, rng.uniform(2.8, 3.7)
    thing = Thing(s, t, yaw, speed, solid=True, shadow=(half, length / 2, 3.2))
    cab = Paint(tones.pick(rng, tones.FLEET), Label.TRUCK, 0.1, 0.8)
    load = Paint(tones.pick(rng, tones.FLEET + tones.PLASTER), Label.TRUCK, 0.14, 0.5)
    rear, front = -length / 2, length / 2
    split, axles = front - 2.0, (rear + 1.0, rear + 2.0, front - 1.3)
    _tyres(thing, half, axles, 0.9, Label.TRUCK)
    nose = [(front - 0.25, 2.7, half), (front, 1.5, half), (front, 0.5, half)]
    bodies = [
        ([(split, 0.5, half), (split, 2.7, half), *nose], cab),
        ([(rear, 0.95, half), (rear, top, half), (split - 0.15, top, half), (split - 0.15, 0.95, half)], load),
    ]
    for profile, paint in bodies if np.cos(yaw) > 0 else bodies[::-1]:  # the farther part first
        thing.prism(profile, paint)
    low = half * 0.8
    frame = [(rear, 0.45, low), (rear, 0.95, low), (split, 0.95, low), (split, 0.45, low)]
    thing.prism(frame, Paint((0.13, 0.13, 0.14), Label.TRUCK))
    glass = Paint(tones.pick(rng, tones.GLASS), Label.TRUCK, 0.25, 0.7)
    _end_glass(thing, half, front - 0.12, (1.65, 2.5), True, glass)
    _side_strip(thing, half, (split + 0.3, front - 0.1), (1.6, 2.4), 1.2, glass)
    _on_end(thing, 0, 1.0, rear, (0.1, top - 1.1), False, Paint(tones.shade(load.color, 0.7), Label.TRUCK))
    _wheels(thing, half, axles, 0.48, Label.TRUCK)
    _ends(thing, half, 0.75, rear, front, Label.TRUCK, braking=rng.random() < 0.4)
    return thing


def bus(rng: np.random.Generator, s: float, t: float, yaw: float = 0.0, speed: float = 0.0) -> Thing:
    """A city bus."""
    length, half, top = rng.uniform(9.5, 12.5), 1.26, rng.uniform(2.9, 3.2)
    thing = Thing(s, t, yaw, speed, solid=True, shadow=(half, length / 2, 3.0))
    axles = (-length / 2 + 2.4, length / 2 - 2.4)
    _tyres(thing, half, axles, 0.48, Label.BUS)
    _coach(rng, thing, length, half, top, Label.BUS)
    _wheels(thing, half, axles, 0.48, Label.BUS)
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
    livery = tones.RAIL if label == Label.TRAIN else tones.COACH
    paint = Paint(tones.pick(rng, livery), label, 0.1, 0.6)
    lower = Paint(tones.pick(rng, livery), label, 0.1, 0.6) if rng.random() < 0.5 else paint
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
