"""One frame of a street: picture, label and depth, a pure function of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from seglens.data.streets.labels import Label
from seglens.data.streets.lens import expose
from seglens.data.streets.mesh import Floats
from seglens.data.streets.render import Samples, camera_at, sample
from seglens.data.streets.shade import colors
from seglens.data.streets.world import TURNS, World, build_world
from seglens.types import ByteArray, Chance, Size

Depth: TypeAlias = npt.NDArray[np.float32]
Kind = TypeVar("Kind", bound=np.generic)

SAMPLES = 2
"""Samples a pixel, along each axis."""


@dataclass(frozen=True)
class Frame:
    """Picture (H, W, 3) uint8, label (H, W) uint8, depth (H, W) float32 in metres (sky: infinity)."""

    image: ByteArray
    label: ByteArray
    depth: Depth


@lru_cache(8)
def _world(seed: int, split: str, sequence: int) -> World:
    chance = Chance(("streets", seed, split))
    begin = int(chance.child("turn").numpy().integers(TURNS))
    return build_world(chance.child("world", sequence).numpy(), begin + sequence)


def draw(seed: int, split: str, sequence: int, frame: int, size: Size) -> Frame:
    """The frame; equal numbers give equal bytes, whatever was drawn before."""
    world = _world(seed, split, sequence)
    chance = Chance(("streets", seed, split, "frame", sequence))
    rng = chance.child(frame).numpy()
    jitter = (float(rng.normal(0, 0.012)), float(rng.normal(0, 0.006)))
    camera = camera_at(world, frame, (size[0] * SAMPLES, size[1] * SAMPLES), jitter)
    samples = sample(world, frame, camera)
    light = colors(world, samples)
    label, depth = _truth(world, samples)
    light = light.reshape(size[0], SAMPLES, size[1], SAMPLES, 3).mean((1, 3))
    if world.hood:
        _add_hood(world.hood, light, label, depth)
    image = expose(light, world.weather, chance.child("lens").numpy(), rng)
    return Frame(image, label, depth)


def _truth(world: World, samples: Samples) -> tuple[ByteArray, Depth]:
    """Label and depth of the nearest surface that fills at least half of a pixel."""
    classes = np.array([p.label for p in world.ground + world.mesh.paints], np.uint8)
    labels = _blocks(classes[samples.paint[samples.facet]])
    inverse = _blocks(samples.inverse)
    half = SAMPLES * SAMPLES // 2 - 1
    chosen = np.argsort(-inverse, axis=-1, kind="stable")[..., half : half + 1]
    label: ByteArray = np.take_along_axis(labels, chosen, -1)[..., 0]
    near = np.take_along_axis(inverse, chosen, -1)[..., 0]
    with np.errstate(divide="ignore"):
        depth = np.where(label == Label.SKY, np.inf, 1 / near).astype(np.float32)
    return label, depth


def _blocks(samples: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """(H, W, samples) the samples of each pixel."""
    height, width = samples.shape[0] // SAMPLES, samples.shape[1] // SAMPLES
    parted = samples.reshape(height, SAMPLES, width, SAMPLES).swapaxes(1, 2)
    return parted.reshape(height, width, SAMPLES * SAMPLES)


def _add_hood(hood: float, light: Floats, label: ByteArray, depth: Depth) -> None:
    """Put the own car's bonnet at the lower edge, in place: void, a metre away."""
    height, width = label.shape
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width * 2 - 1
    own = y[:, None] >= 1 - hood * (1 - 0.55 * x**2)
    sheen = np.broadcast_to((0.10 + 0.25 * (y - 0.9))[:, None], own.shape)
    light[own] = sheen[own][:, None] * np.array([1.0, 1.02, 1.06])
    label[own] = Label.VOID
    depth[own] = 1.0
