"""Small pictures of a place in an image, with what is meant outlined as on the page: white, and black around it."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

from seglens.functional.run_lengths import decode
from seglens.types import BoolArray, ByteArray, Region, Size

Box = tuple[int, int, int, int]
"""Top, left, bottom, right, half-open."""
SURROUNDINGS = 0.5
"""Pixels shown on each side of a region, as a share of its longer side."""
LEAST_MARGIN = 24
"""Fewest of them."""
LINE = 80
"""Pixels of a thumbnail's longer side for each pixel of the line's width: pages show it smaller than it is."""


def around(box: Box, size: Size) -> Box:
    """A box with its surroundings, inside an image of ``size``."""
    top, left, bottom, right = box
    margin = max(LEAST_MARGIN, round(SURROUNDINGS * max(bottom - top, right - left)))
    return max(top - margin, 0), max(left - margin, 0), min(bottom + margin, size[0]), min(right + margin, size[1])


def cropped(image: ByteArray, box: Box, longer: int, region: Region | None = None) -> ByteArray:
    """(h, w, 3) uint8: a crop, its longer side ``longer`` pixels; the pixels of ``region`` are outlined."""
    top, left, bottom, right = box
    factor = longer / max(bottom - top, right - left)
    shape = (max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor)))
    crop = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    found = np.array(crop.resize(shape, Image.Resampling.BILINEAR if factor > 1 else Image.Resampling.BOX))
    if region is not None:
        mask = decode(region.runs, region.size)[top:bottom, left:right]
        _outline(found, _resized(mask, shape, factor), max(1, longer // LINE))
    return found


def _resized(mask: BoolArray, shape: tuple[int, int], factor: float) -> BoolArray:
    """The mask at another size; a pixel of a smaller one that it only touches belongs to it."""
    how = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BOX
    found: BoolArray = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(shape, how)) > 0
    return found


def _outline(picture: ByteArray, mask: BoolArray, width: int) -> None:
    """Draw around a mask, and on its own pixels where it ends with the picture."""
    line = binary_dilation(mask, iterations=width) & ~mask
    picture[binary_dilation(mask, iterations=width + 1) & ~mask] = 0
    for edge in (np.s_[:width], np.s_[-width:], np.s_[:, :width], np.s_[:, -width:]):
        line[edge] |= mask[edge]
    picture[line] = 255
