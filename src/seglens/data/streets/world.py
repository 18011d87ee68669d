"""A stretch of street: what stands where, drawn once for a sequence of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seglens.data.streets.district import DISTRICTS, END
from seglens.data.streets.houses import skyline
from seglens.data.streets.lots import lots
from seglens.data.streets.mesh import Mesh, Paint, compile_mesh
from seglens.data.streets.road import LANE, Road, ground_paints
from seglens.data.streets.roadside import roadside
from seglens.data.streets.traffic import HEAVY, LIGHT, crossing, rare_vehicle, small_sight, traffic
from seglens.data.streets.weather import Weather, draw_weather

PLACES = (0, 1, 3, 2, 0, 4, 1)
"""Districts take turns as well. Four, five and seven have no common divisor, so that every mixture comes up."""

TURNS = len(HEAVY) * len(LIGHT) * len(PLACES)
"""After so many streets the turns begin again."""


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


def build_world(rng: np.random.Generator, turn: int) -> World:
    """Draw a street; ``turn`` says whose turn it is, district and rare sights."""
    district = DISTRICTS[PLACES[turn % len(PLACES)]]
    heavy, light = HEAVY[turn % len(HEAVY)], LIGHT[turn % len(LIGHT)]
    road = _road(rng)
    things = skyline(rng, END + 20, district.green)
    for side in (-1.0, 1.0):
        things += lots(rng, road, district, side)
        things += roadside(rng, road, district, side)
    lane = LANE * (rng.integers(road.lanes) + 0.5) + rng.normal(0, 0.25)
    step = rng.uniform(4, 9)
    things += crossing(rng, road, lane)
    things += traffic(rng, road, step, tracks=heavy == "train")
    things += rare_vehicle(rng, road, heavy, step)
    things += small_sight(rng, road, light, step)
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
        phase_marks=rng.uniform(0, 9),
    )
