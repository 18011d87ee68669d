"""What a gesture on the page must label, worked out anew from its pixels: by distances in floats and by scipy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.path import Path as Outline
from scipy import ndimage

from seglens.types import BoolArray, ByteArray, Size

Place = tuple[int, int]


def capsule(start: Place, end: Place, diameter: int, size: Size) -> BoolArray:
    """(h, w): pixels at most half the diameter from the straight line between two pixels."""
    places = np.stack(np.mgrid[: size[0], : size[1]], -1).astype(np.float64)
    way = np.subtract(end, start).astype(np.float64)
    share = np.clip(((places - start) @ way) / max(way @ way, 1e-12), 0, 1)
    gap = np.hypot(*np.moveaxis(places - (np.asarray(start) + share[..., None] * way), -1, 0))
    return gap <= diameter / 2 + 1e-9


def stroke(places: Sequence[Place], diameter: int, size: Size) -> BoolArray:
    """(h, w): what a brush covers on its way."""
    found = capsule(places[0], places[0], diameter, size)
    for start, end in pairwise(places):
        found |= capsule(start, end, diameter, size)
    return found


def polygon(corners: Sequence[Place], size: Size) -> BoolArray:
    """(h, w): the inside of a polygon with its outline."""
    places = np.stack(np.mgrid[: size[0], : size[1]], -1).reshape(-1, 2)
    inside = Outline([*corners, corners[0]], closed=True).contains_points(places).reshape(size)
    return inside | stroke([*corners, corners[0]], 1, size)


def cut_off(region: BoolArray, line: Sequence[Place]) -> BoolArray:
    """(h, w): all but the largest part of each piece of the region that a line divides, and the line there."""
    wall = stroke(line, 1, region.shape) & region
    found = np.zeros_like(region)
    pieces, count = ndimage.label(region)
    for number in range(1, count + 1):
        piece = pieces == number
        parts, many = ndimage.label(piece & ~wall)
        if many > 1 and (piece & wall).any():
            largest = 1 + int(np.bincount(parts.ravel())[1:].argmax())
            found |= piece & (parts != largest)
    return found


def painted(region: BoolArray, strokes: Sequence[tuple[BoolArray, int]]) -> ByteArray:
    """(h, w) uint8: the classes of strokes one after the other, inside the region; 255 elsewhere."""
    mask = np.full(region.shape, 255, np.uint8)
    for covered, value in strokes:
        mask[covered & region] = value
    return mask
