"""The camera's part in a picture: glare, blur, exposure, white balance, falling rain and noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from seglens.data.streets.mesh import Floats
from seglens.data.streets.weather import Weather
from seglens.types import ByteArray

_MEAN = (0.42, 0.3)
"""Brightness that the exposure aims at, by day and at dusk."""


def expose(light: Floats, weather: Weather, sequence: np.random.Generator, frame: np.random.Generator) -> ByteArray:
    """Light (H, W, 3) to an 8-bit picture; ``sequence`` draws what stays over frames, ``frame`` what does not."""
    balance = 1 + sequence.normal(0, 0.02, 3)
    gain = sequence.uniform(0.82, 1.18) * frame.uniform(0.95, 1.05)
    contrast = sequence.uniform(0.85, 1.15)
    sigma = sequence.uniform(0.15, 0.5) * light.shape[0] / 128
    noise = sequence.uniform(0.004, 0.016) * (1.8 if weather.kind in ("dusk", "rain") else 1.0)
    wanted = _MEAN[weather.kind == "dusk"] / max(float(light.mean()), 1e-3)
    gain *= float(np.clip(wanted, 0.8, 1.7)) ** 0.7
    picture = gaussian_filter(light, (sigma, sigma, 0), mode="nearest", truncate=3.0)
    if weather.kind == "rain":
        picture = _rain(picture, frame)
    picture = np.clip(picture * (balance * gain).astype(np.float32), 0, None)
    picture = picture / (1 + np.maximum(picture - 0.75, 0) * 0.8)  # soft highlights
    picture = (picture - 0.45) * np.float32(contrast) + 0.45
    picture = picture * _vignette(light.shape[0], light.shape[1], sequence.uniform(0, 0.22))
    grain = frame.normal(0, noise, picture.shape[:2])[..., None] + frame.normal(0, noise * 0.5, picture.shape)
    return np.asarray(np.clip(picture + grain, 0, 1) * 255 + 0.5).astype(np.uint8)


def _vignette(height: int, width: int, strength: float) -> Floats:
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    return (1 - strength * (x**2 + y**2) / 2)[..., None].astype(np.float32)


def _rain(picture: Floats, rng: np.random.Generator) -> Floats:
    """Streaks, each some rows long, a little slanted."""
    height, width, _ = picture.shape
    count = height * width // 500
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    layer = np.zeros((height, width), np.float32)
    slant = rng.uniform(-0.3, 0.3)
    for step in range(max(height // 24, 3)):
        layer[(rows + step) % height, (columns + int(step * slant)) % width] = 0.16
    return np.asarray(picture + layer[..., None] * (0.85 - picture))
