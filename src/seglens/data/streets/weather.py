"""Weather and light of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seglens.data.streets.mesh import Color
from seglens.data.streets.tones import blend


@dataclass(frozen=True)
class Weather:
    """How a scene is lit.

    Args:
        kind: clear, overcast, rain, fog or dusk.
        sun: unit vector to the sun, world axes (right, up, ahead).
        sunlight: RGB of direct light; ambient: RGB of light from everywhere.
        zenith: sky colour above; horizon: sky colour and colour of the haze.
        clouds: share of the sky that clouds cover.
        haze: distance at which 63 % of the contrast is lost, metres.
        wet: how much the road mirrors, 0 to 1.
        glow: how strong lamps look.
    """

    kind: str
    sun: tuple[float, float, float]
    sunlight: Color
    ambient: Color
    zenith: Color
    horizon: Color
    clouds: float
    haze: float
    wet: float
    glow: float


KINDS = ("clear", "overcast", "rain", "fog", "dusk")


def draw_weather(rng: np.random.Generator) -> Weather:
    """A weather by chance: a third is clear."""
    kind = KINDS[rng.choice(5, p=[0.36, 0.29, 0.13, 0.10, 0.12])]
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.1)
    sun = (float(np.cos(height) * np.sin(azimuth)), float(np.sin(height)), float(np.cos(height) * np.cos(azimuth)))
    tilt = rng.uniform(-0.03, 0.03)
    if kind == "clear":
        power = rng.uniform(0.65, 0.95)
        warm = (power, power * (0.95 + tilt), power * (0.86 + 2 * tilt))
        blue = blend((0.30, 0.50, 0.82), (0.52, 0.68, 0.90), rng.random())
        return Weather(
            kind,
            sun,
            warm,
            (0.48, 0.52, 0.58),
            blue,
            (0.80, 0.86, 0.92),
            rng.uniform(0, 0.55),
            rng.uniform(300, 700),
            0,
            0.35,
        )
    if kind == "dusk":
        low = (float(np.sin(azimuth)) * 0.97, 0.15, float(np.cos(azimuth)) * 0.97)
        dim = rng.uniform(0.38, 0.62)
        sky = blend((0.16, 0.20, 0.36), (0.30, 0.30, 0.44), rng.random())
        warm = blend((0.85, 0.55, 0.38), (0.42, 0.42, 0.55), rng.random())
        return Weather(
            kind,
            low,
            (dim * 0.45, dim * 0.3, dim * 0.2),
            (dim * 0.9, dim * 0.92, dim * 1.1),
            sky,
            warm,
            rng.uniform(0.2, 0.8),
            rng.uniform(150, 400),
            rng.choice([0.0, 0.35]),
            1.3,
        )
    grey = rng.uniform(0.68, 0.92) if kind != "rain" else rng.uniform(0.5, 0.7)
    ambient = (grey * 0.98 + tilt, grey, grey * 1.02 - tilt)
    high = (grey * 0.9, grey * 0.94, grey * 0.98)
    haze = {"overcast": rng.uniform(200, 500), "rain": rng.uniform(90, 200), "fog": rng.uniform(28, 75)}[kind]
    wet = rng.uniform(0.3, 0.6) if kind == "rain" else 0.0
    return Weather(
        kind,
        sun,
        (0.08, 0.08, 0.07),
        ambient,
        high,
        (grey, grey * 1.01, grey * 1.02),
        rng.uniform(0.8, 1.0),
        haze,
        wet,
        0.55,
    )
