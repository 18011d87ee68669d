"""Where which surface lies: patches of a warped plane and thin bands across it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seglens.data.textures.patterns import Floats
from seglens.data.textures.surfaces import BAND, SURFACES
from seglens.types import IntArray

_PER_AREA = 9.0
"""Patches in a square of the picture's height."""
_MARGIN = 0.4
"""How far beyond the picture patches are laid, picture heights."""
_BENDS = 5


@dataclass(frozen=True)
class Layout:
    """Patches and bands of a scene, in picture heights.

    Args:
        centre: (S, 2) y and x of each patch.
        weight: (S,) how much larger than its neighbours a patch is.
        surface: (S + B,) class of each patch, then of each band.
        bend: (K, 5) waves that warp the plane: direction y and x of the shift, frequency y and x, phase.
        band: (B, 6) bands: angle, offset, height of the waves, their frequency and phase, half width.
    """

    centre: Floats
    weight: Floats
    surface: IntArray
    bend: Floats
    band: Floats

    def pieces(self, y: Floats, x: Floats) -> IntArray:
        """The piece that covers each point, an index into ``surface``; y and x of any one shape."""
        wy, wx = self._warped(y, x)
        away = (wy[..., None] - self.centre[:, 0]) ** 2 + (wx[..., None] - self.centre[:, 1]) ** 2 - self.weight
        found: IntArray = away.argmin(-1)
        for number, (angle, offset, height, frequency, phase, width) in enumerate(self.band):
            along = x * np.cos(angle) + y * np.sin(angle)
            across = y * np.cos(angle) - x * np.sin(angle) - offset
            wave = frequency * along + phase
            slope = height * frequency * np.cos(wave)
            inside = np.abs(across - height * np.sin(wave)) < width * np.sqrt(1 + slope**2)
            found[inside] = len(self.centre) + number
        return found

    def _warped(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        wy, wx = y.copy(), x.copy()
        for dy, dx, fy, fx, phase in self.bend:
            wave = np.sin(fy * y + fx * x + phase)
            wy += dy * wave
            wx += dx * wave
        return wy, wx


def lay(rng: np.random.Generator, width: float) -> Layout:
    """A scene ``width`` picture heights wide."""
    high, wide = 1 + 2 * _MARGIN, width + 2 * _MARGIN
    count = round(_PER_AREA * high * wide)
    centre = rng.uniform(0, 1, (count, 2)) * (high, wide) - _MARGIN
    share = np.array([surface.share for surface in SURFACES])
    patches = rng.choice(len(SURFACES), count, p=share / share.sum())
    direction, push = rng.uniform(0, 2 * np.pi, (2, _BENDS))
    frequency = 2 ** rng.uniform(2, 4.5, _BENDS)
    reach = 0.35 / frequency
    bend = np.stack(
        [
            reach * np.sin(push),
            reach * np.cos(push),
            frequency * np.sin(direction),
            frequency * np.cos(direction),
            rng.uniform(0, 2 * np.pi, _BENDS),
        ],
        1,
    )
    bands = int(rng.integers(1, 4))
    surface = np.concatenate([patches, np.full(bands, BAND)])
    return Layout(centre, rng.uniform(-0.03, 0.03, count), surface, bend, _bands(rng, bands, width))


def _bands(rng: np.random.Generator, count: int, width: float) -> Floats:
    """Bands that go through the picture: angle, offset, height of their waves, frequency, phase, half width."""
    angle = rng.uniform(0, np.pi, count)
    y, x = rng.uniform(0.15, 0.85, count), rng.uniform(0.1, 0.9, count) * width
    offset = y * np.cos(angle) - x * np.sin(angle)
    return np.stack(
        [
            angle,
            offset,
            rng.uniform(0.02, 0.08, count),
            rng.uniform(3, 9, count),
            rng.uniform(0, 2 * np.pi, count),
            rng.uniform(0.016, 0.03, count),
        ],
        1,
    )
