"""From samples to light: surfaces, texture, shadow, sky, haze and wet ground."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from seglens.data.streets.camera import Camera
from seglens.data.streets.mesh import Floats, Ints, Paint, Pattern
from seglens.data.streets.render import Samples, ground_places
from seglens.data.streets.road import Ground
from seglens.data.streets.world import World
from seglens.types import Chance

_TILE = 1024
_FINE = 4
"""Texels a unit: the tile repeats after 256 units."""


@lru_cache(1)
def _noise() -> Floats:
    """A tile of smooth noise, (1024, 1024), in [-1.4, 1.4], that repeats without a seam."""
    rng = Chance(("streets", "noise")).numpy()
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_TILE), np.fft.fftfreq(_TILE)))
    with np.errstate(divide="ignore"):
        power = np.where(frequency > 0, 1 / np.maximum(frequency, 1 / 256) ** 0.9, 0) * (frequency < 0.25)
    tile = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_TILE, _TILE))) * power).real
    return np.asarray(np.clip(tile / tile.std() / 2, -1.4, 1.4), np.float32)


def _at(x: Floats, y: Floats) -> Floats:
    place = (((x * _FINE).astype(np.int32) & 1023) << 10) | ((y * _FINE).astype(np.int32) & 1023)
    return np.take(_noise().ravel(), place)


def colors(world: World, samples: Samples) -> Floats:
    """(H, W, 3) float32 light of every sample, before the lens."""
    paints = world.ground + world.mesh.paints
    paint = samples.paint[samples.facet]
    x, y, z, depth = _places(samples)
    base = _table([p.color for p in paints])
    rgb = np.take(base, paint, 0)
    rgb = _patterned(rgb, paints, paint, samples, x, y, z, depth)
    rgb *= _grain(paints, paint, x, y, z, depth, samples.camera.focal)[..., None]
    rgb *= _light(world, samples, y)
    glow = _table([p.glow for p in paints])
    shining = np.nonzero((glow > 0)[paint])
    rgb[shining] += base[paint[shining]] * (glow[paint[shining]] * np.float32(world.weather.glow))[:, None]
    veil = np.exp(depth * np.float32(-1 / world.weather.haze))[..., None]
    haze = np.array(world.weather.horizon, np.float32)
    rgb = haze + (rgb - haze) * veil
    top = int(np.ceil(samples.camera.horizon)) + 1
    sky = samples.facet[:top] == Ground.SKY
    rgb[:top][sky] = _sky(world, samples.camera, top)[sky]
    if world.weather.wet:
        rgb = _mirrored(rgb, world, samples)
    return np.asarray(rgb, np.float32)


def _table(values: list[tuple[float, float, float]] | list[float]) -> Floats:
    return np.array(values, np.float32)


def _places(samples: Samples) -> tuple[Floats, Floats, Floats, Floats]:
    """World x, y, z and depth of each sample (float32, metres); the sky lies at 2 km."""
    camera = samples.camera
    columns, up = camera.rays()
    depth = (1 / np.maximum(samples.inverse, 1 / 2000)).astype(np.float32)
    right = columns.astype(np.float32) * depth
    sin, cos = np.float32(np.sin(camera.yaw)), np.float32(np.cos(camera.yaw))
    y = np.float32(camera.height) + up.astype(np.float32)[:, None] * depth
    return np.float32(camera.x) + cos * right + sin * depth, y, np.float32(camera.z) - sin * right + cos * depth, depth


def _grain(
    paints: tuple[Paint, ...], paint: Ints, x: Floats, y: Floats, z: Floats, depth: Floats, focal: float
) -> Floats:
    """(H, W) factor: fine and coarse noise fixed to the surface; it fades where it is finer than a sample."""
    scale = _table([p.scale for p in paints])[paint] * np.float32(8)
    grain = _table([p.grain for p in paints])[paint]
    a, b = (x + np.float32(0.7) * z) * scale + 1000, (y + np.float32(0.6) * z) * scale + 1000
    fade = 1 / (1 + (depth * scale / np.float32(focal)) ** 2)
    fine = _at(a, b) * fade
    coarse = _at(a * np.float32(0.11), b * np.float32(0.11))
    return np.maximum(1 + grain * (np.float32(0.8) * fine + np.float32(0.6) * coarse), np.float32(0.1))


def _patterned(
    rgb: Floats,
    paints: tuple[Paint, ...],
    paint: Ints,
    samples: Samples,
    x: Floats,
    y: Floats,
    z: Floats,
    depth: Floats,
) -> Floats:
    """Slabs, bricks, bars, ribs: lines in the second colour; leaves get gaps of shade."""
    kind = np.array([p.pattern for p in paints])[paint].ravel()
    second = _table([p.second for p in paints])
    out = rgb.reshape(-1, 3)
    flat_paint, facet = paint.ravel(), samples.facet.ravel()
    for pattern in (Pattern.SLABS, Pattern.BRICKS, Pattern.BARS, Pattern.LEAVES, Pattern.RIBS):
        where = np.flatnonzero(kind == pattern)
        if not len(where):
            continue
        px, py, pz, far = (a.ravel()[where] for a in (x, y, z, depth))
        normal = samples.normal[facet[where]].astype(np.float32)
        run = px * np.abs(normal[:, 2]) + pz * np.abs(normal[:, 0])
        line = _lines(pattern, px, py, pz, run)
        period = {Pattern.SLABS: 0.8, Pattern.BRICKS: 0.3, Pattern.BARS: 0.3, Pattern.LEAVES: 0.5, Pattern.RIBS: 0.5}[
            pattern
        ]
        footprint = far / np.float32(samples.camera.focal) / np.float32(period)
        share = line * 1 / (1 + (2 * footprint) ** 2)
        if pattern == Pattern.BARS:
            share = np.where(footprint < 0.5, line, 0.6)
        target = (
            out[where] * np.float32(0.45) if pattern in (Pattern.LEAVES, Pattern.RIBS) else second[flat_paint[where]]
        )
        out[where] += share[:, None] * (target - out[where])
    return out.reshape(rgb.shape)


def _lines(pattern: Pattern, x: Floats, y: Floats, z: Floats, run: Floats) -> Floats:
    """Share of the second colour at each place, in [0, 1]."""
    if pattern == Pattern.SLABS:
        return ((x % 0.8 < 0.06) | (z % 0.8 < 0.06)).astype(np.float32)
    if pattern == Pattern.BRICKS:
        row = np.floor(y / 0.3)
        joint = (y % 0.3 < 0.05) | ((run + row * 0.3) % 0.6 < 0.05)
        return np.asarray(0.6 * joint, np.float32)
    if pattern == Pattern.BARS:
        return (run % 0.3 > 0.11).astype(np.float32)
    if pattern == Pattern.RIBS:
        return np.asarray(0.4 * (run % 0.5 < 0.1), np.float32)
    gaps = _at((x + z) * 14 + 1000, y * 14 + 1000)
    return np.asarray(np.clip(gaps * np.float32(0.7), 0, 1))


def _light(world: World, samples: Samples, y: Floats) -> Floats:
    """(H, W, 3) light that reaches each sample: ambient, and the sun where no shadow falls."""
    weather = world.weather
    lit = np.maximum(samples.normal @ np.array(weather.sun), 0).astype(np.float32)
    tilt = (0.82 + 0.18 * samples.normal[:, 1]).astype(np.float32)
    direct, around = lit[samples.facet], tilt[samples.facet]
    ground = samples.facet < len(Ground)
    shadow = np.where(ground, samples.shadow, 0).astype(np.float32)
    direct = direct * (1 - shadow)
    around = around * (1 - np.float32(0.45) * shadow)
    around = np.where(ground, around, around * np.clip(np.float32(0.72) + np.float32(0.25) * y, 0.7, 1))
    ambient, sunlight = np.array(weather.ambient, np.float32), np.array(weather.sunlight, np.float32)
    return np.asarray(around[..., None] * ambient + direct[..., None] * sunlight)


def _sky(world: World, camera: Camera, rows: int) -> Floats:
    """(rows, W, 3) sky: from the horizon's colour to the zenith's, with clouds in perspective and the sun's glow."""
    weather = world.weather
    columns, up = (rays.astype(np.float32) for rays in camera.rays())
    up = up[:rows]
    rise = np.clip(up, 0.0, None)[:, None].astype(np.float32)
    share = np.clip(rise * 2.2, 0, 1) ** np.float32(0.7)
    sky = (
        np.array(weather.horizon, np.float32) * (1 - share[..., None])
        + np.array(weather.zenith, np.float32) * share[..., None]
    )
    far = 30 / (rise + np.float32(0.12))
    cloud = _at(columns * far + 1000 + camera.x, far * np.float32(1.5) + 1000)
    cloud = np.clip(cloud * np.float32(0.9) + np.float32(2 * weather.clouds - 1), 0, 1)[..., None]
    white = np.float32(0.92) * np.array(weather.horizon, np.float32) + np.float32(0.08)
    sky = (
        np.broadcast_to(sky, (rows, camera.size[1], 3)) * (1 - np.float32(0.8) * cloud)
        + np.float32(0.8) * cloud * white
    )
    toward = np.array(weather.sun) @ np.array([np.cos(camera.yaw), 0, -np.sin(camera.yaw)]), weather.sun[1]
    ahead = np.array(weather.sun) @ np.array([np.sin(camera.yaw), 0, np.cos(camera.yaw)])
    if ahead > 0.1 and sum(weather.sunlight) > 0.3:
        away = (columns - toward[0] / ahead) ** 2 + ((up - toward[1] / ahead) ** 2)[:, None]
        sky = sky + np.exp(-away / 0.08)[..., None].astype(np.float32) * np.float32(0.5) * np.array(
            weather.sunlight, np.float32
        )
    return np.asarray(sky)


def _mirrored(rgb: Floats, world: World, samples: Samples) -> Floats:
    """Wet ground shows what stands above it, upside down about the horizon, streaked."""
    horizon = round(samples.camera.horizon)
    rows = np.arange(horizon, rgb.shape[0])
    above = np.clip(2 * horizon - rows - 2, 0, horizon - 1)
    mirror = rgb[above]
    mirror = (mirror + np.roll(mirror, 2, 1) + np.roll(mirror, -2, 1) + rgb[np.maximum(above - 5, 0)]) / 4
    x, z, first = ground_places(samples.camera)
    puddle = np.zeros(samples.facet.shape, np.float32)
    puddle[first:] = np.clip(0.6 + _at(x * 3 + 1000, z * 2 + 1000), 0.15, 1)
    wet = puddle * ((samples.facet >= Ground.ROAD) & (samples.facet <= Ground.PAVING)) * np.float32(world.weather.wet)
    low = wet[horizon:, :, None]
    rgb[horizon:] = rgb[horizon:] * (1 - low) + mirror * low
    return rgb
