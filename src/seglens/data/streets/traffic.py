"""What moves on the road, what waits at its crossings, and the rare sights that every street has its share of."""

from __future__ import annotations

import numpy as np

from seglens.data.streets import furniture, people, vehicles
from seglens.data.streets.district import PASSED
from seglens.data.streets.mesh import Thing
from seglens.data.streets.road import LANE, Road

HEAVY = ("train", "bus", "truck", "none")
LIGHT = ("motorcycle", "bicycle", "lights", "motorcycle", "bicycle")
"""Rare sights take turns over the streets, so that a small set holds some of each."""


def traffic(rng: np.random.Generator, road: Road, step: float, tracks: bool) -> list[Thing]:
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


def crossing(rng: np.random.Generator, road: Road, lane: float) -> list[Thing]:
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


def rare_vehicle(rng: np.random.Generator, road: Road, guest: str, step: float) -> list[Thing]:
    """The rare vehicle of this street, in view for most frames."""
    t, own = rng.uniform(14, 65), LANE * 0.5
    if guest == "none":
        return []
    if guest == "train":
        heading, speed = (np.pi, -1.5) if rng.random() < 0.6 else (0.0, step)
        return [vehicles.tram(rng, -road.lanes * LANE + 1.7, t + 28, heading, speed)]
    make = vehicles.bus if guest == "bus" else vehicles.truck
    if rng.random() < 0.5:
        return [make(rng, own, t, 0.0, step + rng.uniform(-0.2, 1.0))]
    return [make(rng, -own, t + 15, np.pi, rng.uniform(-3, -1))]


def small_sight(rng: np.random.Generator, road: Road, guest: str, step: float) -> list[Thing]:
    """The rare small sight: traffic lights, or a two-wheeler that is ridden and some that stand."""
    kerb, t = road.half + 0.5, rng.uniform(10, 26)
    if guest == "lights":
        t += 2 * step
        arm = rng.uniform(2.5, 4.0) if rng.random() < 0.6 else 0.0
        return [furniture.lights(rng, kerb, t, False, arm), furniture.lights(rng, -kerb, t, bool(rng.random() < 0.5))]
    motor = guest == "motorcycle"
    crossing = bool(rng.random() < 0.35)
    far, speed, drift = 0.0, step + rng.uniform(-0.3, 0.6), 0.0
    if crossing:
        far, speed, drift = 28.0, 0.0, rng.choice([-2.0, 2.0])
    ridden = people.two_wheeler(rng, LANE * 0.5 + 1.0, t + far, motor, True, not crossing, drift=drift, speed=speed)
    side, place = rng.choice([-1, 1], p=[0.3, 0.7]), rng.uniform(12, 34)
    row = [
        people.two_wheeler(
            rng, side * (kerb + road.verge + 0.6), place + 1.3 * i, motor, False, bool(rng.random() < 0.3)
        )
        for i in range(rng.integers(1, 4) if motor else rng.integers(3, 9))
    ]
    return [ridden, *row]
