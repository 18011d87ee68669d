"""Masks as alternating counts, as COCO and CVAT write them: so many pixels outside, so many inside, so many outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seglens.types import BoolArray, IntArray, Size

BITS = 5
"""Bits of a count in one character of COCO's text; a sixth says that more follow."""
MORE, SIGN, FIRST = 1 << BITS, 1 << BITS - 1, 48
LONGEST = 7
"""Characters of the largest count that is taken: 2^34, far beyond any image."""


def alternate(flat: BoolArray) -> IntArray:
    """The lengths of the runs of False and True by turns, False first.

    Args:
        flat: (n,) bool, n > 0.

    Returns:
        (m,) int64; the first is 0 where the mask begins with True.

    Example:
        >>> alternate(np.array([True, True, False])).tolist()
        [0, 2, 1]
    """
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate([[0], edges, [len(flat)]])
    counts = np.diff(bounds)
    return np.concatenate([[0], counts]) if flat[0] else counts


def restore(counts: IntArray | Sequence[int], pixels: int) -> BoolArray:
    """The mask of alternating counts.

    Args:
        counts: (m,) lengths, of False first.
        pixels: how many there have to be.

    Returns:
        (pixels,) bool.

    Raises:
        ValueError: a negative count, or another sum than ``pixels``.
    """
    lengths = np.asarray(counts, np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > pixels).any():
        raise ValueError(f"run-lengths: expected counts of 0 to {pixels}")
    if lengths.sum() != pixels:
        raise ValueError(f"run-lengths: they cover {int(lengths.sum())} pixels, expected {pixels}")
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def pack(counts: IntArray) -> str:
    """Alternating counts as COCO's compressed text.

    From the fourth on, each count is written as its difference from the one two before; a number is written in groups
    of 5 bits, lowest first, in characters from "0" on.

    Args:
        counts: (m,) lengths.

    Example:
        >>> pack(np.array([6, 1, 40, 4, 5, 4, 5, 4, 21]))
        '61X13mN000`0'
    """
    left = np.array(counts, np.int64)
    left[3:] -= np.asarray(counts, np.int64)[1:-2]
    digits, written = [], []
    alive = np.ones(len(left), bool)
    while alive.any():
        digit = left & (MORE - 1)
        left = left >> BITS
        more = np.where(digit & SIGN, left != -1, left != 0)
        digits.append(digit + MORE * more + FIRST)
        written.append(alive)
        alive = alive & more
    if not digits:
        return ""
    characters = np.stack(digits, axis=1)[np.stack(written, axis=1)]
    return bytes(characters.astype(np.uint8)).decode("ascii")


def unpack(text: str) -> IntArray:
    """The alternating counts of COCO's compressed text.

    Returns:
        (m,) int64.

    Raises:
        ValueError: it is no such text.
    """
    characters = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64) - FIRST
    if ((characters < 0) | (characters >= 2 * MORE)).any() or (len(characters) and characters[-1] & MORE):
        raise ValueError("run-lengths: damaged text")
    last = np.flatnonzero(characters & MORE == 0)
    first = np.concatenate([[0], last[:-1] + 1])[: len(last)]
    if len(last) == 0:
        return np.zeros(0, np.int64)
    length = last - first + 1
    if length.max() > LONGEST:
        raise ValueError("run-lengths: a count beyond any image")
    place = np.arange(len(characters)) - np.repeat(first, length)
    values = np.add.reduceat((characters & (MORE - 1)) << BITS * place, first)
    values -= np.where(characters[last] & SIGN, np.int64(1) << BITS * length, 0)
    for start in (1, 2):
        values[start::2] = np.cumsum(values[start::2])
    return values


def coco(mask: BoolArray) -> str:
    """A mask as COCO's compressed text.

    Args:
        mask: (H, W) bool; COCO runs down the columns.
    """
    return pack(alternate(mask.ravel(order="F")))


def of_coco(counts: str | Sequence[int], size: Size) -> BoolArray:
    """The mask of COCO's run-lengths.

    Args:
        counts: the compressed text, or the plain list of counts.
        size: (H, W).

    Returns:
        (H, W) bool.

    Raises:
        ValueError: damaged, or of another size.
    """
    lengths = unpack(counts) if isinstance(counts, str) else counts
    return restore(lengths, size[0] * size[1]).reshape(size, order="F")


def cvat(mask: BoolArray) -> tuple[tuple[int, int, int, int], str]:
    """A mask as CVAT writes it.

    Args:
        mask: (H, W) bool, not empty; CVAT runs along the rows of the mask's box.

    Returns:
        left, top, width and height of the box, and its counts: ``0, 3, 2``.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    counts = ", ".join(map(str, alternate(inside.ravel()).tolist()))
    return (left, top, inside.shape[1], inside.shape[0]), counts


def of_cvat(box: tuple[int, int, int, int], counts: str, size: Size) -> BoolArray:
    """The mask of CVAT's run-lengths.

    Args:
        box: left, top, width and height.
        counts: ``0, 3, 2``.
        size: (H, W) of the image.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: damaged, or a box that leaves the image.
    """
    left, top, width, height = box
    if min(left, top) < 0 or min(width, height) < 1 or left + width > size[1] or top + height > size[0]:
        raise ValueError(f"box: left {left}, top {top}, {width} x {height} leaves the image of {size[1]} x {size[0]}")
    try:
        lengths = np.array(counts.split(","), np.int64)
    except (ValueError, OverflowError):
        raise ValueError("run-lengths: expected numbers parted by commas") from None
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = restore(lengths, width * height).reshape(height, width)
    return mask
