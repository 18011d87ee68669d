"""Click to segment without weights: random walks from what is marked, hindered by edges of colour and prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.segmentation import random_walker
from skimage.transform import resize

from seglens.types import BoolArray, ByteArray, FloatArray, IntArray, Size

Place = tuple[int, int]
Box = tuple[int, int, int, int]

REACH = 128
"""Native pixels that are looked at around the marks, on each side."""
SIDE = 128
"""Most pixels of the window's longer side that the walks run on: a larger window is shrunk."""
BETA = 400.0
"""How much an edge hinders."""
FLAT = 1e-3
"""Deviation of colours below which an image is of one colour."""
SAME = 0.25
"""What a change of the predicted class counts beside colours of 0 to 1."""


def cut_out(
    image: ByteArray,
    inside: Sequence[Place],
    outside: Sequence[Place] = (),
    box: Box | None = None,
    prediction: ByteArray | None = None,
) -> BoolArray:
    """The pixels that belong to the places marked inside.

    A pixel belongs where a random walk from it, which crosses edges seldom, comes to a mark inside before one outside.
    The border of the window that is looked at counts as outside, and so does all that lies beyond a box.

    Args:
        image: (H, W, 3) uint8.
        inside: (y, x) of marks inside, native pixels; with a box there may be none.
        outside: (y, x) of marks outside.
        box: half-open (top, left, bottom, right) that holds all of it, or None.
        prediction: (h, w) classes at any size, or None.

    Returns:
        (H, W) bool; every mark inside is in it, no mark outside is.

    Raises:
        ValueError: neither a mark inside nor a box.

    Reference: Grady, Random Walks for Image Segmentation (TPAMI 2006), through scikit-image.
    """
    if not inside and box is None:
        raise ValueError("cut_out: expected a place inside or a box")
    height, width = image.shape[:2]
    top, left, bottom, right = window = _window((height, width), inside, outside, box)
    crop = image[top:bottom, left:right]
    factor = max(1.0, max(crop.shape[:2]) / SIDE)
    size = (max(2, round(crop.shape[0] / factor)), max(2, round(crop.shape[1] / factor)))
    features = _features(crop, size, prediction, (height, width), window)
    marks = _marks(size, window, inside, outside, box)
    mask = np.zeros((height, width), bool)
    if (marks == 1).any() and (marks == 2).any() and (marks == 0).any():
        chance = random_walker(
            features, marks, beta=BETA, mode="bf", prob_tol=1, return_full_prob=True, channel_axis=-1
        )
        native = resize(chance[0].astype(np.float32), crop.shape[:2], order=1)
        mask[top:bottom, left:right] = native > 0.5
    elif not (marks == 2).any():  # nothing is outside: all that is looked at
        mask[top:bottom, left:right] = True
    if box is not None:
        within = np.zeros_like(mask)
        within[box[0] : box[2], box[1] : box[3]] = True
        mask &= within
    for y, x in outside:
        mask[y, x] = False
    for y, x in inside:
        mask[y, x] = True
    return mask


def _window(size: Size, inside: Sequence[Place], outside: Sequence[Place], box: Box | None) -> Box:
    if box is not None:
        margin = max(4, (box[2] - box[0]) // 8, (box[3] - box[1]) // 8)
        top, left, bottom, right = box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
    else:
        near = [p for p in outside if any(abs(p[0] - y) <= REACH and abs(p[1] - x) <= REACH for y, x in inside)]
        y, x = zip(*inside, *near, strict=True)
        top, left, bottom, right = min(y) - REACH, min(x) - REACH, max(y) + REACH, max(x) + REACH
    return max(top, 0), max(left, 0), min(bottom, size[0]), min(right, size[1])


def _features(crop: ByteArray, size: Size, prediction: ByteArray | None, native: Size, window: Box) -> FloatArray:
    """(h, w, C) what edges are found in: colours of 0 to 1, and one channel that steps where the class changes."""
    colors = resize(crop, size, order=1, anti_aliasing=True, preserve_range=True).astype(np.float32) / 255
    if colors.std() < FLAT:  # the walks measure edges by the deviation of all: an even slope is no edge
        colors = colors + np.linspace(0, FLAT, size[1], dtype=np.float32)[:, None]
    if prediction is None:
        found: FloatArray = colors
        return found
    rows = window[0] + (np.arange(size[0]) + 0.5) * (window[2] - window[0]) / size[0]
    columns = window[1] + (np.arange(size[1]) + 0.5) * (window[3] - window[1]) / size[1]
    y = (rows * prediction.shape[0] / native[0]).astype(int).clip(0, prediction.shape[0] - 1)
    x = (columns * prediction.shape[1] / native[1]).astype(int).clip(0, prediction.shape[1] - 1)
    classes = prediction[y[:, None], x]
    channels = [(classes == value) * np.float32(SAME) for value in np.unique(classes)[:8]]
    found = np.concatenate([colors, np.stack(channels, axis=-1)], axis=-1)
    return found


def _marks(size: Size, window: Box, inside: Sequence[Place], outside: Sequence[Place], box: Box | None) -> IntArray:
    """(h, w) int: 1 = inside, 2 = outside, 0 = to be found."""
    scale = size[0] / (window[2] - window[0]), size[1] / (window[3] - window[1])

    def at(place: Place) -> Place:
        y, x = int((place[0] - window[0]) * scale[0]), int((place[1] - window[1]) * scale[1])
        return min(max(y, 0), size[0] - 1), min(max(x, 0), size[1] - 1)

    marks = np.zeros(size, np.int64)
    marks[[0, -1]] = 2
    marks[:, [0, -1]] = 2
    if box is not None:
        (top, left), (bottom, right) = at((box[0], box[1])), at((box[2] - 1, box[3] - 1))
        kept = np.zeros(size, bool)
        kept[top : bottom + 1, left : right + 1] = True
        marks[~kept] = 2
        marks[(marks == 2) & kept] = 0
        if not kept.all() and not inside:
            middle = (
                slice((3 * top + bottom) // 4, (top + 3 * bottom) // 4 + 1),
                slice((3 * left + right) // 4, (left + 3 * right) // 4 + 1),
            )
            marks[middle] = 1
    for place in outside:
        if window[0] <= place[0] < window[2] and window[1] <= place[1] < window[3]:
            marks[at(place)] = 2
    for place in inside:
        marks[at(place)] = 1
    return marks
