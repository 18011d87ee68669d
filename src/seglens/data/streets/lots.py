"""What lines the pavement: buildings, walls, fences and greenery, one lot after the other."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import furniture, houses, plants
from seglens.data.streets.district import BEGIN, END, District
from seglens.data.streets.mesh import Thing
from seglens.data.streets.road import Road


def lots(rng: np.random.Generator, road: Road, district: District, side: float) -> list[Thing]:
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
