"""What a precise answer costs in clicks: the vertices of the polygons that a person would draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.measure import approximate_polygon, find_contours, label, regionprops

from seglens.types import IGNORE, BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class ContourClicks:
    """Clicks of one dense answer.

    Args:
        vertices: polygon vertices (c_p).
        intersections: where a polygon meets the frame of the region (c_i).
        segments: class choices, one a segment (c_c).
    """

    vertices: int
    intersections: int
    segments: int

    @property
    def total(self) -> int:
        """All clicks."""
        return self.vertices + self.intersections + self.segments


def contour_clicks(answer: ByteArray, region: BoolArray, tolerance: float = 1.0) -> ContourClicks:
    """The clicks of drawing a region's segments.

    A segment is a 4-connected component of one class; void is left undrawn. In a part of an image only what lies inside
    is drawn: vertices inside, plus the two points where an open line meets the region's frame. A whole image has no
    frame to lean on: every vertex of every segment counts, sum over segments of (vertices + 1).

    Args:
        answer: (H, W) uint8 class of each pixel, IGNORE = void.
        region: (H, W) bool, the pixels asked about.
        tolerance: how far the polygon may lie from the true outline, pixels.

    Returns:
        The counts; all zero where everything is void.

    Raises:
        ValueError: shapes differ.

    Reference: Cai et al., Revisiting Superpixels for Active Learning (CVPR 2021): c_p + c_i + c_c. Deviation: polygons
    are approximated from the mask, since CamVid and generated scenes have no drawn ones; ``tolerance`` is stated with
    every figure.
    """
    if answer.shape != region.shape:
        raise ValueError(f"answer and region: shapes {answer.shape} and {region.shape} differ")
    whole = bool(region.all())
    if not region.any():
        return ContourClicks(0, 0, 0)
    if not whole:  # a small part of a large image: the rest need not be looked at
        rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        answer, region = answer[part], region[part]
    # One pixel of frame around, so that every outline closes.
    allowed = np.pad(region, 1)
    classes = np.pad(np.where(region, answer, IGNORE).astype(np.int64), 1, constant_values=IGNORE)
    segments = label(classes, background=IGNORE, connectivity=1)
    vertices = intersections = count = 0
    for segment in regionprops(segments):
        box = np.s_[segment.bbox[0] - 1 : segment.bbox[2] + 1, segment.bbox[1] - 1 : segment.bbox[3] + 1]
        mask = np.pad(segment.image, 1)
        count += 1
        for outline in find_contours(mask.astype(np.float64), 0.5):
            inside = np.ones(len(outline) - 1, bool) if whole else _inside(outline[:-1], mask, allowed[box])
            drawn, met = _drawn(outline, inside, tolerance)
            vertices += drawn
            intersections += met
    return ContourClicks(vertices, intersections, count)


def _inside(points: FloatArray, mask: BoolArray, allowed: BoolArray) -> BoolArray:
    """Which outline points lie between two pixels of the region; the others lie on its frame."""
    low, high = np.floor(points).astype(int), np.ceil(points).astype(int)
    inside: BoolArray = allowed[low[:, 0], low[:, 1]] & allowed[high[:, 0], high[:, 1]]
    return inside


def _drawn(outline: FloatArray, inside: BoolArray, tolerance: float) -> tuple[int, int]:
    """(vertices, intersections) of a closed outline of which only the ``inside`` points are drawn."""
    if not inside.any():
        return 0, 0
    if inside.all():
        return _closed_vertices(outline, tolerance), 0
    points = outline[:-1]
    start = int(np.flatnonzero(~inside)[0])
    points, drawn = np.roll(points, -start, axis=0), np.roll(inside, -start)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], drawn, [False]]).astype(np.int8)))
    vertices = 0
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        vertices += max(_simplified(points[first:last], tolerance) - 2, 0)
    return vertices, len(edges)


def _closed_vertices(outline: FloatArray, tolerance: float) -> int:
    """Vertices of a closed polygon, at least three, begun at the point farthest from the middle: surely a vertex."""
    points = outline[:-1]
    far = int(np.argmax(((points - points.mean(0)) ** 2).sum(1)))
    points = np.roll(points, -far, axis=0)
    return max(_simplified(np.concatenate([points, points[:1]]), tolerance) - 1, 3)


def _simplified(line: FloatArray, tolerance: float) -> int:
    """Points left of a line."""
    return len(approximate_polygon(line, tolerance)) if len(line) > 2 else len(line)
