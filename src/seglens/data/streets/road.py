"""The road's course and what lies on the ground beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from seglens.data.streets import tones
from seglens.data.streets.labels import Label
from seglens.data.streets.mesh import Floats, Ints, Paint, Pattern

LANE = 3.3
"""Width of a lane, metres."""

PARKING = 2.3
"""Width of a parking strip, metres."""


class Ground(IntEnum):
    """Kinds of ground; 0 is the sky."""

    SKY = 0
    ROAD = 1
    MARK = 2
    KERB = 3
    PAVING = 4
    VERGE = 5
    BEYOND = 6


@dataclass(frozen=True)
class Road:
    """Course and cross-section, metres.

    Args:
        bend: amplitude and ``wave`` length of its curves, with their ``phase``.
        lanes: lanes a direction.
        parking: whether parked cars have a strip of their own.
        pavement: width of the pavement on each side; verge: width of the grass before it.
        crossings: (from, to) along the road, of crossing roads.
        zebras: (from, to) of zebra crossings.
        dashed: whether the middle line is dashed.
        phase_marks: where the dashes begin.
    """

    bend: float
    wave: float
    phase: float
    lanes: int
    parking: bool
    pavement: float
    verge: float
    crossings: tuple[tuple[float, float], ...]
    zebras: tuple[tuple[float, float], ...]
    dashed: bool
    phase_marks: float

    @property
    def half(self) -> float:
        """Half the width between the kerbs."""
        return self.lanes * LANE + (PARKING if self.parking else 0.4)

    @property
    def edge(self) -> float:
        """Where the pavement ends, from the road's middle."""
        return self.half + self.verge + self.pavement

    def middle(self, t: Floats) -> Floats:
        """World x of the road's middle."""
        return np.asarray(self.bend * np.sin(t * (2 * np.pi / self.wave) + self.phase))

    def heading(self, t: Floats) -> Floats:
        """Direction of the road, radians from the world's z axis."""
        turn = 2 * np.pi / self.wave
        return np.asarray(np.arctan(self.bend * turn * np.cos(turn * t + self.phase)))

    def crossed(self, start: float, end: float) -> bool:
        """Whether a crossing road lies between start and end."""
        return any(a < end and start < b for a, b in self.crossings)

    def ground(self, s: Floats, t: Floats) -> Ints:
        """The kind of ground at each place."""
        side = np.abs(s)
        kind = np.full(s.shape, Ground.BEYOND, np.int64)
        kind[side < self.edge] = Ground.PAVING
        kind[side < self.half + self.verge] = Ground.VERGE
        kind[side < self.half + 0.18] = Ground.KERB
        on = side < self.half
        for a, b in self.crossings:
            across = (t > a) & (t < b)
            kind[(t > a - 2.5) & (t < b + 2.5) & ~on] = Ground.PAVING
            kind[(t > a - 0.2) & (t < b + 0.2) & ~on] = Ground.KERB
            on = on | across
        kind[on] = Ground.ROAD
        kind[on & self._marks(s, t)] = Ground.MARK
        return kind

    def _marks(self, s: Floats, t: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        clear = np.ones(s.shape, bool)
        for a, b in self.crossings:
            clear &= (t < a - 1) | (t > b + 1)
        dash = (t + self.phase_marks) % 9.0 < 4.0
        marks = (np.abs(s) < 0.08) & (dash | (not self.dashed))
        for lane in range(1, self.lanes):
            marks |= (np.abs(np.abs(s) - lane * LANE) < 0.07) & dash
        marks |= np.abs(np.abs(s) - self.lanes * LANE) < 0.06
        marks &= clear
        for a, b in self.zebras:
            band = (t > a) & (t < b)
            marks = (marks & ~band) | (band & ((s % 1.1) < 0.55) & (np.abs(s) < self.half - 0.3))
            marks |= (np.abs(t - a + 1.6) < 0.2) & (s > 0) & (s < self.lanes * LANE)
        return marks


def ground_paints(rng: np.random.Generator, green: bool) -> tuple[Paint, ...]:
    """The paint of each kind of ground; what lies beyond the pavement is grass or paved."""
    asphalt = tones.pick(rng, tones.ASPHALT, 0.02)
    paving = tones.pick(rng, tones.PAVING)
    if rng.random() < 0.25:  # a pavement laid of asphalt, told from the road by its place alone
        paving = tones.blend(paving, asphalt, 0.8)
    slabs = Pattern.SLABS if rng.random() < 0.6 else Pattern.PLAIN
    grass = tones.pick(rng, tones.GRASS)
    turf = Paint(grass, Label.TERRAIN, 0.35, 2.2)
    yard = Paint(tones.pick(rng, tones.PAVING), Label.SIDEWALK, 0.15, 0.8, slabs)
    mark = Paint(tones.blend((0.86, 0.86, 0.82), asphalt, rng.uniform(0, 0.6)), Label.ROAD, 0.35, 1.5)  # worn off
    return (
        Paint((0.5, 0.5, 0.5), Label.SKY),
        Paint(asphalt, Label.ROAD, 0.16, 0.7),
        mark,
        Paint(tones.shade(paving, rng.uniform(0.9, 1.25)), Label.SIDEWALK, 0.1, 1.5),
        Paint(paving, Label.SIDEWALK, 0.16, 0.8, slabs, second=tones.shade(paving, 0.72)),
        turf,
        turf if green else yard,
    )
