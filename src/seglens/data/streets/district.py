"""Kinds of streets, and how far one is furnished."""

from __future__ import annotations

from dataclasses import dataclass

BEGIN, END = -14.0, 250.0
"""The street is furnished from BEGIN to END, metres along the road."""

PASSED = 66.0
"""The camera may come this far, metres: nothing crosses its way before."""


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
    District("downtown", (11, 30), (0, 0.5), (0.86, 0.06, 0.04, 0.04), 0.7, 2.0, 9.0, False, 0.0),
    District("residential", (5, 11), (2, 7), (0.66, 0.08, 0.10, 0.16), 0.05, 3.5, 3.5, True, 0.75),
    District("avenue", (9, 22), (0, 4), (0.68, 0.09, 0.08, 0.15), 0.35, 6.0, 6.0, False, 0.25),
    District("suburb", (4, 9), (4, 14), (0.30, 0.10, 0.18, 0.42), 0.05, 4.5, 2.0, True, 0.5),
    District("works", (6, 13), (2, 9), (0.42, 0.24, 0.22, 0.12), 0.0, 1.5, 1.0, True, 0.5),
)
