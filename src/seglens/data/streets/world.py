"""A stretch of street: what stands where, drawn once for a sequence of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seglens.data.streets import furniture, houses, people, plants, vehicles
from seglens.data.streets.mesh import Mesh, Paint, Thing, compile_mesh
from seglens.data.streets.road import LANE, Road, ground_paints
from seglens.data.streets.weather import Weather, draw_weather

BEGIN, END = -14.0, 250.0
"""The street is furnished from BEGIN to END, metres along the road."""

PASSED = 66.0
"""The camera may come this far, metres: nothing crosses its way before."""

GUESTS = ("train", "lights", "bus", "motorcycle", "none", "truck", "cyclist", "lights", "motorcycle", "none")
"""Rare sights take turns over the sequences, so that a small set holds some of each."""


@dataclass(frozen=True)
class District:
    """What a street is lined with. Rates are chances, or things per 100 metres and side."""

    name: str
    height: tuple[float, float]
    setback: tuple[float, float]
    lots: tuple[float, float, float, float]  # chance of a building, a wall, a fence, greenery
    shops: float
    trees: float
    people: float
    green: bool
    front: float  # chance of a fence, wall or hedge before a building


DISTRICTS = (
    District("downtown", (11, 30), (0, 0.5), (0.86, 0.06, 0.04, 0.04), 0.7, 2.0, 7.0, False, 0.0),
    District("residential", (5, 11), (2, 7), (0.66, 0.08, 0.10, 0.16), 0.05, 3.5, 2.5, True, 0.75),
    District("avenue", (9, 22), (0, 4), (0.68, 0.09, 0.08, 0.15), 0.35, 6.0, 4.5, False, 0.25),
    District("suburb", (4, 9), (4, 14), (0.30, 0.10, 0.18, 0.42), 0.05, 4.5, 1.2, True, 0.5),
    District("works", (6, 13), (2, 9), (0.42, 0.24, 0.22, 0.12), 0.0, 1.5, 1.0, True, 0.5),
)


@dataclass(frozen=True)
class World:
    """A furnished street in its weather, and the car that drives it.

    ``lane`` is the camera's offset from the road's middle, ``height`` above it, ``focal`` in picture widths,
    ``horizon`` in picture heights; ``step`` is the way between frames; all lengths in metres. ``hood`` is the height
    of the strip of the own car in picture heights, 0 = none.
    """

    road: Road
    ground: tuple[Paint, ...]
    mesh: Mesh
    weather: Weather
    lane: float
    height: float
    focal: float
    horizon: float
    step: float
    hood: float


PLACES = (0, 1, 3, 2, 0, 4, 1)
"""Districts take turns as well; seven and ten have no common divisor, so every pair comes up."""


def build_world(rng: np.random.Generator, turn: int) -> World:
    """Draw a street; ``turn`` says whose turn it is, district and rare sight."""
    district, guest = DISTRICTS[PLACES[turn % len(PLACES)]], GUESTS[turn % len(GUESTS)]
    road = _road(rng)
    things = houses.skyline(rng, END + 20, district.green)
    for side in (-1.0, 1.0):
        things += _lots(rng, road, district, side)
        things += _roadside(rng, road, district, side)
    lane = LANE * (rng.integers(road.lanes) + 0.5) + rng.normal(0, 0.25)
    step = rng.uniform(4, 9)
    things += _crossing(rng, road, lane)
    things += _traffic(rng, road, step, tracks=guest == "train")
    things += _guest(rng, road, guest, step)
    return World(
        road=road,
        ground=ground_paints(rng, district.green),
        mesh=compile_mesh(things),
        weather=draw_weather(rng),
        lane=lane,
        height=rng.uniform(1.2, 1.9),
        focal=rng.uniform(0.85, 1.15),
        horizon=rng.uniform(0.40, 0.50),
        step=step,
        hood=rng.uniform(0.03, 0.07) if rng.random() < 0.45 else 0.0,
    )


def _road(rng: np.random.Generator) -> Road:
    start = rng.uniform(25, 110)
    width = rng.uniform(7, 14)
    crossings = ((start, start + width),) if rng.random() < 0.6 else ()
    zebras = tuple((a - 5.5, a - 2.0) for a, _ in crossings if rng.random() < 0.7)
    if rng.random() < 0.25:
        at = rng.uniform(10, 90)
        zebras += ((at, at + 3.2),)
    return Road(
        bend=rng.uniform(0, 9) if rng.random() < 0.6 else 0.0,
        wave=rng.uniform(220, 420),
        phase=rng.uniform(0, 2 * np.pi),
        lanes=1 if rng.random() < 0.65 else 2,
        parking=bool(rng.random() < 0.55),
        pavement=rng.uniform(1.8, 4.5),
        verge=rng.uniform(0.8, 2.5) if rng.random() < 0.3 else 0.0,
        crossings=crossings,
        zebras=zebras,
        dashed=bool(rng.random() < 0.7),
        worn=rng.uniform(0.3, 1.0),
        phase_marks=rng.uniform(0, 9),
    )


def _lots(rng: np.random.Generator, road: Road, district: District, side: float) -> list[Thing]:
    """What lines the pavement: buildings, walls, fences and greenery, one lot after the other."""
    things: list[Thing] = []
    t = BEGIN - rng.uniform(0, 10)
    while t < END:
        length = rng.uniform(8, 22)
        edge = road.edge
        if road.crossed(t - 3, t + length + 3):
            t += 2.5
            continue
        kind = rng.choice(4, p=district.lots)
        if kind == 0:
            setback = rng.uniform(*district.setback)
            shops = bool(rng.random() < district.shops)
            things.append(
                houses.block(rng, side * (edge + setback + 0.1), t, length, rng.uniform(*district.height), shops)
            )
            if setback > 1.5 and rng.random() < district.front:
                things.append(_border(rng, side * (edge + 0.2), t, length))
            if setback > 3 and rng.random() < 0.6:
                things.append(
                    plants.bush(rng, side * (edge + setback * 0.5), t + rng.uniform(1, length), rng.uniform(0.8, 2.0))
                )
        else:
            things += _open_lot(rng, side, edge, t, length, int(kind))
        t += length + (0.0 if district.name == "downtown" and rng.random() < 0.8 else rng.uniform(0.5, 6))
    return things


def _border(rng: np.random.Generator, s: float, t: float, length: float) -> Thing:
    kind = rng.random()
    if kind < 0.4:
        return furniture.fence(rng, s, t, length)
    return furniture.wall(rng, s, t, length) if kind < 0.75 else plants.hedge(rng, s, t, length, rng.uniform(0.7, 2.0))


def _open_lot(rng: np.random.Generator, side: float, edge: float, t: float, length: float, kind: int) -> list[Thing]:
    things: list[Thing] = []
    if kind in (1, 2):
        things.append((furniture.wall if kind == 1 else furniture.fence)(rng, side * (edge + 0.25), t, length))
    for _ in range(rng.integers(1, 5)):
        s = side * (edge + rng.uniform(1.5, 14))
        place = t + rng.uniform(0, length)
        tall = rng.random() < 0.6
        things.append(
            plants.tree(rng, s, place, rng.uniform(5, 15)) if tall else plants.bush(rng, s, place, rng.uniform(1, 3))
        )
    return things


def _places(rng: np.random.Generator, road: Road, rate: float) -> list[float]:
    """Places along the road for ``rate`` things per 100 metres, none on a crossing."""
    count = rng.poisson(rate * (END - BEGIN) / 100)
    return [float(t) for t in rng.uniform(2.0, END, count) if not road.crossed(t - 1, t + 1)]


def _roadside(rng: np.random.Generator, road: Road, district: District, side: float) -> list[Thing]:
    """Lamps, trees, signs, people and parked things on one pavement."""
    kerb = road.half + 0.55
    walk = road.half + road.verge
    things = [
        furniture.lamp(rng, side * kerb, float(t)) for t in np.arange(rng.uniform(0, 25), END, rng.uniform(22, 38))
    ]
    things += [furniture.post(rng, side * (kerb + 0.2), t, rng.choice([1.0, 7.5])) for t in _places(rng, road, 2.0)]
    things += [furniture.sign(rng, side * (kerb + rng.uniform(-0.1, 0.5)), t) for t in _places(rng, road, 2.6)]
    things += [furniture.board(rng, side * (kerb + 0.8), t) for t in _places(rng, road, 0.3)]
    things += [
        furniture.clutter(rng, side * (walk + rng.uniform(0.4, road.pavement)), t) for t in _places(rng, road, 1.5)
    ]
    things += [
        plants.tree(rng, side * (kerb + 0.4), t, rng.uniform(4.5, 12)) for t in _places(rng, road, district.trees)
    ]
    for t in _places(rng, road, district.people):
        for _ in range(rng.integers(1, 4) if rng.random() < 0.3 else 1):
            s = side * (walk + rng.uniform(0.3, road.pavement))
            things.append(people.person(rng, s, t + rng.normal(0, 0.8), speed=rng.normal(0, 1.2)))
    for t in _places(rng, road, 1.1):
        s = side * (walk + rng.uniform(0.4, road.pavement))
        things.append(people.two_wheeler(rng, s, t, rng.random() < 0.3, False, bool(rng.random() < 0.3)))
    if rng.random() < 0.12:
        things.append(furniture.fence(rng, side * (road.half + 0.3), rng.uniform(5, 40), rng.uniform(8, 20)))
    if road.parking:
        things += _parked(rng, road, side)
    return things


def _parked(rng: np.random.Generator, road: Road, side: float) -> list[Thing]:
    things: list[Thing] = []
    t, busy = rng.uniform(0, 20), rng.uniform(0.3, 0.9)
    while t < 160:
        if rng.random() < busy and not road.crossed(t - 7, t + 7):
            turn = 0.0 if side > 0 else np.pi
            make = vehicles.truck if rng.random() < 0.03 else vehicles.car
            things.append(make(rng, side * (road.half - 1.15), t, turn + rng.normal(0, 0.02)))
        t += rng.uniform(5.6, 7.5)
    return things


def _traffic(rng: np.random.Generator, road: Road, step: float, tracks: bool) -> list[Thing]:
    """Moving vehicles in every lane, and cyclists at the right edge."""
    things: list[Thing] = []
    for lane in range(-road.lanes, road.lanes):
        if tracks and lane < 0:
            continue
        s, ahead = (lane + 0.5) * LANE, lane >= 0
        t, gap = rng.uniform(9, 45), rng.uniform(12, 60)
        while t < 230:
            make = (vehicles.car, vehicles.truck, vehicles.bus)[rng.choice(3, p=[0.925, 0.05, 0.025])]
            if not road.crossed(t - 2, t + 2) or rng.random() < 0.5:
                speed = step + rng.uniform(-0.3, 1.5) if ahead else -rng.uniform(1, 4)
                things.append(make(rng, s + rng.normal(0, 0.2), t, 0.0 if ahead else np.pi, speed))
            t += 9 + rng.exponential(gap)
    if rng.random() < 0.3:
        t = rng.uniform(8, 60)
        s = road.lanes * LANE - 0.6
        things.append(people.two_wheeler(rng, s, t, False, True, True, speed=step + rng.uniform(-0.3, 0.5)))
    return things


def _crossing(rng: np.random.Generator, road: Road, lane: float) -> list[Thing]:
    """Traffic lights, vehicles and people at the crossings and zebras."""
    things: list[Thing] = []
    for a, b in road.crossings:
        if rng.random() < 0.6:
            kerb = road.half + 0.5
            arm = rng.uniform(2.5, 4.5) if rng.random() < 0.5 else 0.0
            things.append(furniture.lights(rng, kerb, a - 1.0, False, arm))
            things.append(furniture.lights(rng, -kerb, b + 1.0, bool(rng.random() < 0.5)))
            things.append(furniture.lights(rng, kerb, b + 1.0, bool(rng.random() < 0.4)))
            things.append(furniture.lights(rng, -kerb, a - 1.0, bool(rng.random() < 0.7)))
        for _ in range(rng.integers(0, 3)):
            turn = np.pi / 2 * rng.choice([-1, 1])
            make = (vehicles.car, vehicles.truck, vehicles.bus)[rng.choice(3, p=[0.85, 0.09, 0.06])]
            s = rng.uniform(-16, 16)
            if a < PASSED and abs(s - lane) < 8:
                continue
            things.append(make(rng, s, (a + b) / 2 + np.sign(turn) * -1.8, turn))
    for a, b in road.zebras:
        for _ in range(rng.integers(0, 4)):
            s, drift = rng.uniform(-road.half, road.half), rng.uniform(0.2, 0.9) * rng.choice([-1, 1])
            if a < PASSED:  # they wait at the kerb, or have crossed
                s, drift = np.sign(s) * (road.half + 0.5), 0.0
            things.append(people.person(rng, s, rng.uniform(a, b), drift=drift))
    return things


def _guest(rng: np.random.Generator, road: Road, guest: str, step: float) -> list[Thing]:
    """The rare sight of this street, near enough to be seen in most frames."""
    if guest == "none":
        return []
    t = rng.uniform(13, 42)
    own = LANE * 0.5
    if guest == "train":
        heading, speed = (np.pi, -1.5) if rng.random() < 0.6 else (0.0, step)
        return [vehicles.tram(rng, -road.lanes * LANE + 1.7, t + 16, heading, speed)]
    if guest in ("bus", "truck"):
        make = vehicles.bus if guest == "bus" else vehicles.truck
        if rng.random() < 0.5:
            return [make(rng, own, t, 0.0, step + rng.uniform(-0.2, 1.0))]
        return [make(rng, -own, t + 15, np.pi, rng.uniform(-3, -1))]
    if guest == "lights":
        kerb, t = road.half + 0.5, t + 2 * step
        arm = rng.uniform(2.5, 4.0) if rng.random() < 0.6 else 0.0
        return [furniture.lights(rng, kerb, t, False, arm), furniture.lights(rng, -kerb, t, bool(rng.random() < 0.5))]
    motor = guest == "motorcycle"
    s = own + 1.0
    crossing = bool(rng.random() < 0.35)
    t += 28.0 if crossing else 0.0
    speed, drift = (0.0, rng.choice([-2.0, 2.0])) if crossing else (step + rng.uniform(-0.3, 0.6), 0.0)
    here = [people.two_wheeler(rng, s, t * 0.6, motor, True, not crossing, drift=drift, speed=speed)]
    there = people.two_wheeler(rng, road.half + road.verge + 1, t * 0.9, motor, False, False)
    return [*here, there]
