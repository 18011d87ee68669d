"""The textures: functions of the plane, of period 1, of which only the order of the values counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Pattern: TypeAlias = Callable[[Floats, Floats, np.random.Generator], Floats]
"""Called with two coordinates (P,) in periods and a source of chance; gives the values (P,)."""

_WAVES = 48


def stripes(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Straight stripes along v."""
    return np.sin(2 * np.pi * u)


def checks(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """A board of squares, two a period."""
    return np.sin(2 * np.pi * u) * np.sin(2 * np.pi * v)


def dots(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Round spots, each with six neighbours."""
    return sum((np.cos(2 * np.pi * (u * np.cos(a) + v * np.sin(a))) for a in np.arange(3) * np.pi / 3), np.zeros(()))


def weave(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Squares of a period filled with two strands each, by turns along u and along v."""
    turned: npt.NDArray[np.bool_] = (np.floor(u) + np.floor(v)) % 2 == 0
    return np.sin(4 * np.pi * np.where(turned, u, v))


def bricks(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Courses of bricks a period high and two long, each set off by half a brick: the distance to the mortar."""
    along, up = u / 2 + np.floor(v) % 2 / 2, v % 1
    along %= 1
    return np.asarray(np.minimum(2 * np.minimum(along, 1 - along), np.minimum(up, 1 - up)))


def scales(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Overlapping scales a period wide, set off by half from row to row: the distance to the centre of the upper."""
    row = np.floor(2 * v)
    found = np.full(u.shape, 2.0)
    for back in (2, 1, 0):  # a later scale lies over an earlier one
        centre = row - back
        along = (u - centre % 2 / 2 + 0.5) % 1 - 0.5
        away = np.hypot(along, v - centre / 2 - 0.5)
        found = np.where((away < 0.5) & (v <= centre / 2 + 0.5), away, found)
    return found


def hatch(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Two sets of thin lines that cross at 60 degrees."""
    other = u / 2 + v * np.sqrt(0.75)
    return np.asarray(np.maximum(np.sin(2 * np.pi * u), np.sin(2 * np.pi * other)))


def cloud(u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """Fractal noise: waves of all directions, their height falling with their frequency, 1/2 to 8 a period."""
    frequency = 2 ** rng.uniform(-1, 3, _WAVES)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, _WAVES))
    value = np.zeros(u.shape)
    for f, a, p in zip(frequency, angle, phase, strict=True):
        value += np.sin(2 * np.pi * f * (u * np.cos(a) + v * np.sin(a)) + p) / f
    return value
