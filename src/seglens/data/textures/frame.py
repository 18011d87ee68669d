"""One frame of a scene of textures: picture and label, a pure function of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seglens.data.textures.layout import Layout, lay
from seglens.data.textures.patterns import Floats
from seglens.data.textures.surfaces import SURFACES
from seglens.types import ByteArray, Chance, IntArray, Size

STEP = 0.12
"""How far the picture moves from frame to frame, picture heights."""
FRAMES = 8
"""The most frames of a scene."""


@dataclass(frozen=True)
class Frame:
    """Picture (H, W, 3) uint8, label (H, W) uint8."""

    image: ByteArray
    label: ByteArray


def draw(seed: int, split: str, sequence: int, frame: int, size: Size) -> Frame:
    """The frame; equal numbers give equal bytes, whatever was drawn before."""
    chance = Chance(("textures", seed, split, sequence))
    layout = _layout(chance, size[1] / size[0])
    y, x = _points(frame, size)
    pieces = layout.pieces(y, x)
    tone = tones(layout, pieces, y, x, chance)
    light = _lit(tone, y, x, chance.child("light").numpy(), chance.child("grain", frame).numpy())
    return Frame((light * 255 + 0.5).astype(np.uint8), layout.surface[pieces].astype(np.uint8))


@lru_cache(8)
def _layout(chance: Chance, aspect: float) -> Layout:
    return lay(chance.child("layout").numpy(), aspect + STEP * (FRAMES - 1))


def _points(frame: int, size: Size) -> tuple[Floats, Floats]:
    """(H, W) y and x of the pixels' centres, picture heights."""
    rows, columns = np.indices(size)
    return (rows + 0.5) / size[0], (columns + 0.5) / size[0] + STEP * frame


def tones(layout: Layout, pieces: IntArray, y: Floats, x: Floats, chance: Chance) -> Floats:
    """(H, W) brightness in (0, 1) before any light: each piece's values of its texture, replaced by their ranks.

    So every piece has every brightness equally often, and neither mean nor histogram tells its class.
    """
    tone = np.empty(pieces.shape)
    for piece in np.unique(pieces):
        here = pieces == piece
        value = _textured(int(layout.surface[piece]), y[here], x[here], chance.child("piece", int(piece)).numpy())
        rank = np.argsort(np.argsort(value, kind="stable"), kind="stable")
        tone[here] = (rank + 0.5) / len(rank)
    return tone


def _textured(surface: int, y: Floats, x: Floats, rng: np.random.Generator) -> Floats:
    """(P,) values of a class's texture, turned, scaled, bent and turned into its negative by chance."""
    kind = SURFACES[surface]
    angle, phase, wave = rng.uniform(0, 2 * np.pi, 3)
    period = kind.period * rng.uniform(0.85, 1.2)
    y0, x0 = rng.uniform(0, 1, 2)
    sign = rng.choice([-1.0, 1.0])
    u = (x * np.cos(angle) + y * np.sin(angle)) / period + x0
    v = (y * np.cos(angle) - x * np.sin(angle)) / period + y0
    u += 0.4 * np.sin(0.2 * np.pi * (u * np.cos(wave) + v * np.sin(wave)) + phase)
    return np.asarray(sign * kind.pattern(u, v, rng))


def _lit(tone: Floats, y: Floats, x: Floats, scene: np.random.Generator, grain: np.random.Generator) -> Floats:
    """(H, W, 3) in [0, 1]: between two colours of the scene, under a light that falls off, with grain."""
    dark, pale = scene.uniform(0.05, 0.3, 3), scene.uniform(0.65, 0.95, 3)
    contrast = 0.5 + 0.5 * np.sign(tone - 0.5) * np.abs(2 * tone - 1) ** 0.7
    angle, strength = scene.uniform(0, 2 * np.pi), scene.uniform(0.1, 0.45)
    slope = (y - 0.5) * np.sin(angle) + (x - x.mean()) * np.cos(angle)
    lamp_y, lamp_x = scene.uniform(0, 1), scene.uniform(x.min(), x.max())
    lamp = np.exp(-((y - lamp_y) ** 2 + (x - lamp_x) ** 2) / 0.3)
    tint = scene.uniform(0.8, 1.0, 3)
    light = (0.8 + strength * slope / max(1.0, float(np.ptp(x))))[..., None] + 0.3 * lamp[..., None] * tint
    colour = dark + (pale - dark) * contrast[..., None]
    return np.asarray(np.clip(colour * light + grain.normal(0, 0.015, colour.shape), 0, 1))
