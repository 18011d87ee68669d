"""Things made of flat facets, in metres, and their compiled form: one array for all facets of a scene.

Axes of a thing: x to the right, y up, z ahead. A facet is a polygon with one paint; its normal is
(p1 - p0) x (p2 - p0), and a closed body's facets have it pointing outward, so that the far side can be culled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from seglens.data.streets.labels import Label

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.int64]
Color: TypeAlias = tuple[float, float, float]


class Pattern(IntEnum):
    """What is drawn on a surface besides noise."""

    PLAIN = 0
    SLABS = 1
    BRICKS = 2
    BARS = 3
    LEAVES = 4
    RIBS = 5


@dataclass(frozen=True)
class Paint:
    """How a surface looks and what it is.

    Args:
        color: RGB in [0, 1] in full white light.
        label: its class.
        grain: contrast of its noise.
        scale: size of the noise, 1/metres.
        pattern: lines, bars or leaves on it.
        glow: light of its own.
        second: colour of the pattern (gaps between bars, joints).
    """

    color: Color
    label: Label
    grain: float = 0.08
    scale: float = 1.0
    pattern: Pattern = Pattern.PLAIN
    glow: float = 0.0
    second: Color = (0.3, 0.32, 0.28)


@dataclass
class Thing:
    """An object at (s, t): metres right of the road's middle and along the road.

    Args:
        s: offset to the right of the road's middle, metres.
        t: place along the road, metres.
        yaw: turn against the road's direction, radians.
        speed: metres a frame along the road.
        drift: metres a frame to the right.
        facing: turned to the camera instead of along the road.
        long: it lines the road: sorted by its far end instead of its middle.
        solid: too long for any order (a bus beside cars): what it hides is decided by depth at every sample.
        shadow: half width, half length and height of what throws its shadow, metres; None = none.
    """

    s: float
    t: float
    yaw: float = 0.0
    speed: float = 0.0
    drift: float = 0.0
    facing: bool = False
    long: bool = False
    solid: bool = False
    shadow: tuple[float, float, float] | None = None
    shapes: list[tuple[Floats, Paint, bool]] = field(default_factory=list)

    def add(self, points: Floats | list[tuple[float, float, float]], paint: Paint, cull: bool = False) -> None:
        """Add a polygon (k, 3), or several of as many corners (n, k, 3)."""
        array = np.asarray(points, np.float64)
        self.shapes.append((array if array.ndim == 3 else array[None], paint, cull))

    def rect(self, x: float, y: float, width: float, height: float, paint: Paint, z: float = 0.0) -> None:
        """Add an upright rectangle towards the viewer (-z): left, bottom, width, height."""
        left, right, top = x, x + width, y + height
        self.add([(left, y, z), (left, top, z), (right, top, z), (right, y, z)], paint)

    def disc(self, x: float, y: float, rx: float, ry: float, paint: Paint, corners: int = 10, z: float = 0.0) -> None:
        """Add an upright ellipse."""
        self.add(_circle(corners) * (rx, ry, 0.0) + (x, y, z), paint)

    def limb(self, a: tuple[float, float], b: tuple[float, float], width: float, paint: Paint) -> None:
        """Add a straight limb from a to b, (x, y) each, in the plane z = 0."""
        ax, ay, bx, by = *a, *b
        length = max(float(np.hypot(bx - ax, by - ay)), 1e-6)
        nx, ny = -(by - ay) / length * width / 2, (bx - ax) / length * width / 2
        self.add([(ax + nx, ay + ny, 0), (bx + nx, by + ny, 0), (bx - nx, by - ny, 0), (ax - nx, ay - ny, 0)], paint)

    def prism(self, profile: list[tuple[float, float, float]], paint: Paint, sides: Paint | None = None) -> None:
        """Add a body drawn along x: ``profile`` is (z, y, half width), from the rear's foot over the top."""
        left = np.array([(-half, y, z) for z, y, half in profile])
        right = left * (-1, 1, 1)
        self.add(np.stack([left[:-1], left[1:], right[1:], right[:-1]], 1), paint, cull=True)
        self.add(right, sides or paint, cull=True)
        self.add(left[::-1], sides or paint, cull=True)

    def box(self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], paint: Paint) -> None:
        """Add a box: the ranges of x, y, z."""
        (x0, x1), (y0, y1), (z0, z1) = x, y, z
        self.add([(x1, y0, z0), (x0, y0, z0), (x0, y1, z0), (x1, y1, z0)], paint, cull=True)
        self.add([(x1, y0, z1), (x1, y0, z0), (x1, y1, z0), (x1, y1, z1)], paint, cull=True)
        self.add([(x0, y0, z0), (x0, y0, z1), (x0, y1, z1), (x0, y1, z0)], paint, cull=True)
        self.add([(x0, y1, z0), (x0, y1, z1), (x1, y1, z1), (x1, y1, z0)], paint, cull=True)


@lru_cache
def _circle(corners: int) -> Floats:
    turn = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([np.sin(turn), np.cos(turn), np.zeros(corners)], 1)


def panels(corner: Floats, along: Floats, up: Floats, at: Floats, size: tuple[float, float]) -> Floats:
    """(n, 4, 3) equal rectangles on a wall.

    Args:
        corner: (3,) the wall's origin; ``along`` and ``up`` (3,) unit vectors, along x up = outward normal.
        at: (n, 2) lower left corners on the wall, metres.
        size: width and height, metres.
    """
    offsets = np.array([(0, 0), (size[0], 0), (size[0], size[1]), (0, size[1])], np.float64)
    flat = at[:, None, :] + offsets
    return np.asarray(corner + flat[..., :1] * along + flat[..., 1:] * up)


@dataclass(frozen=True)
class Mesh:
    """All facets of a scene. P corners, F facets, N things; corners of a facet and facets of a thing are neighbours."""

    points: Floats  # (P, 3), each in its thing's axes
    starts: Ints  # (F + 1,)
    owner: Ints  # (F,)
    cull: npt.NDArray[np.bool_]  # (F,)
    paint: Ints  # (F,) index into paints
    paints: tuple[Paint, ...]
    things: tuple[Thing, ...]


def compile_mesh(things: list[Thing]) -> Mesh:
    """Join the facets of all things."""
    numbers: dict[Paint, int] = {}
    points: list[Floats] = []
    table: list[tuple[int, int, int, bool, int]] = []
    for index, thing in enumerate(things):
        for shape, look, outward in thing.shapes:
            points.append(shape.reshape(-1, 3))
            table.append((shape.shape[0], shape.shape[1], index, outward, numbers.setdefault(look, len(numbers))))
    facets, corners, owner, cull, paint = np.array(table).T
    counts = np.repeat(corners, facets)
    return Mesh(
        np.concatenate(points),
        np.concatenate([[0], np.cumsum(counts)]),
        np.repeat(owner, facets),
        np.repeat(cull, facets).astype(bool),
        np.repeat(paint, facets),
        tuple(numbers),
        tuple(things),
    )
