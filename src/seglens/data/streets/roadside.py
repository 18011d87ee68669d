"""What stands and walks on the pavement, and what is parked beside it."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import furniture, people, plants, vehicles
from seglens.data.streets.district import BEGIN, END, District
from seglens.data.streets.mesh import Thing
from seglens.data.streets.road import Road


def _places(rng: np.random.Generator, road: Road, rate: float) -> list[float]:
    """Places along the road for ``rate`` things per 100 metres, none on a crossing."""
    count = rng.poisson(rate * (END - BEGIN) / 100)
    return [float(t) for t in rng.uniform(2.0, END, count) if not road.crossed(t - 1, t + 1)]


def roadside(rng: np.random.Generator, road: Road, district: District, side: float) -> list[Thing]:
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
    for t in _places(rng, road, 1.6):
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
