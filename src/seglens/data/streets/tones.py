"""Colours of the street. Ranges of different classes overlap on purpose: colour alone must not decide."""

from __future__ import annotations

import numpy as np

from seglens.data.streets.mesh import Color

PLASTER: tuple[Color, ...] = (
    (0.82, 0.78, 0.68),
    (0.72, 0.70, 0.66),
    (0.86, 0.80, 0.58),
    (0.62, 0.58, 0.54),
    (0.78, 0.60, 0.48),
    (0.66, 0.70, 0.72),
    (0.88, 0.87, 0.84),
    (0.60, 0.62, 0.52),
)
BRICK: tuple[Color, ...] = ((0.55, 0.32, 0.25), (0.62, 0.42, 0.32), (0.45, 0.30, 0.26), (0.66, 0.55, 0.42))
STONE: tuple[Color, ...] = ((0.56, 0.54, 0.50), (0.47, 0.46, 0.45), (0.66, 0.62, 0.55), (0.58, 0.45, 0.38))
ROOF: tuple[Color, ...] = ((0.50, 0.28, 0.22), (0.36, 0.34, 0.35), (0.42, 0.32, 0.28), (0.30, 0.30, 0.33))
LEAF: tuple[Color, ...] = (
    (0.28, 0.40, 0.18),
    (0.22, 0.34, 0.17),
    (0.36, 0.46, 0.22),
    (0.30, 0.36, 0.24),
    (0.46, 0.44, 0.20),
    (0.55, 0.38, 0.18),
)
GRASS: tuple[Color, ...] = ((0.38, 0.48, 0.22), (0.46, 0.50, 0.28), (0.52, 0.47, 0.32), (0.30, 0.40, 0.20))
ASPHALT: tuple[Color, ...] = ((0.36, 0.36, 0.37), (0.44, 0.43, 0.42), (0.30, 0.30, 0.32), (0.50, 0.48, 0.46))
PAVING: tuple[Color, ...] = ((0.56, 0.54, 0.52), (0.48, 0.47, 0.46), (0.62, 0.57, 0.52), (0.55, 0.47, 0.44))
METAL: tuple[Color, ...] = ((0.42, 0.43, 0.44), (0.30, 0.31, 0.32), (0.58, 0.59, 0.60), (0.28, 0.34, 0.30))
WOOD: tuple[Color, ...] = ((0.46, 0.34, 0.24), (0.58, 0.48, 0.36), (0.36, 0.30, 0.25), (0.80, 0.79, 0.76))
CAR: tuple[Color, ...] = (
    (0.85, 0.86, 0.87),
    (0.12, 0.12, 0.13),
    (0.52, 0.54, 0.56),
    (0.32, 0.33, 0.35),
    (0.62, 0.10, 0.10),
    (0.14, 0.22, 0.46),
    (0.38, 0.44, 0.40),
    (0.70, 0.62, 0.48),
    (0.20, 0.34, 0.26),
)
FLEET: tuple[Color, ...] = (
    (0.86, 0.86, 0.84),
    (0.78, 0.16, 0.12),
    (0.84, 0.70, 0.16),
    (0.18, 0.36, 0.62),
    (0.24, 0.46, 0.34),
    (0.60, 0.62, 0.64),
)
# A city paints its trams and buses each in few colours; white is common to both, and to lorries.
RAIL: tuple[Color, ...] = ((0.26, 0.52, 0.38), (0.16, 0.38, 0.60), (0.62, 0.66, 0.70), (0.86, 0.86, 0.84))
COACH: tuple[Color, ...] = ((0.84, 0.70, 0.16), (0.78, 0.16, 0.12), (0.82, 0.44, 0.12), (0.86, 0.86, 0.84))
CLOTH: tuple[Color, ...] = (
    (0.12, 0.12, 0.15),
    (0.20, 0.24, 0.36),
    (0.45, 0.12, 0.14),
    (0.74, 0.72, 0.68),
    (0.36, 0.36, 0.36),
    (0.30, 0.36, 0.24),
    (0.62, 0.50, 0.34),
    (0.16, 0.30, 0.46),
    (0.80, 0.56, 0.16),
)
SKIN: tuple[Color, ...] = ((0.82, 0.64, 0.52), (0.68, 0.48, 0.36), (0.44, 0.30, 0.22))
GLASS: tuple[Color, ...] = ((0.16, 0.19, 0.22), (0.24, 0.29, 0.33), (0.38, 0.44, 0.48), (0.12, 0.13, 0.14))


def pick(rng: np.random.Generator, palette: tuple[Color, ...], spread: float = 0.04) -> Color:
    """A colour of the palette, a little off: brighter or darker, and each channel for itself."""
    base = np.array(palette[rng.integers(len(palette))])
    light = 1 + rng.normal(0, 2.5 * spread)
    r, g, b = np.clip(base * light + rng.normal(0, spread, 3), 0.02, 0.98)
    return float(r), float(g), float(b)


def shade(color: Color, factor: float) -> Color:
    """The colour, brighter or darker."""
    return min(color[0] * factor, 1.0), min(color[1] * factor, 1.0), min(color[2] * factor, 1.0)


def blend(a: Color, b: Color, share: float) -> Color:
    """``share`` of b in a."""
    red, green, blue = (x + share * (y - x) for x, y in zip(a, b, strict=True))
    return red, green, blue
