"""Brush run-lengths as Label Studio stores them: a mask repeated over RGBA, as blocks of bits.

The stream begins with 32 bits for the number of words (4 H W), 5 for the bits of a word less one (7) and four times 4
for the widths of a block's length, less one. A block is a bit that says whether its words are all equal, 2 bits that
name the width, its length less one, and then the one word or all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seglens.types import BoolArray, ByteArray, IntArray, Size

WIDTHS = np.array([4, 7, 10, 16])
"""Widths in bits of a block's length, as written here; read are any."""
HEADER = 32 + 5 + 4 * 4
WORD = 8
CHANNELS = 4
OPAQUE = 127
"""A pixel belongs to a mask when its alpha is above this: strokes drawn in a browser have soft edges."""


def encode(mask: BoolArray) -> ByteArray:
    """A mask as a brush's run-lengths.

    Args:
        mask: (H, W) bool, at least one pixel.

    Returns:
        (n,) uint8: 255 in all four channels where the mask is, 0 elsewhere.

    Example:
        >>> decode(encode(np.array([[True, False]])), (1, 2)).tolist()
        [[True, False]]
    """
    flat = mask.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(np.append(starts, flat.size)) * CHANNELS
    most = 1 << int(WIDTHS[-1])
    pieces = -(-lengths // most)
    length = np.full(int(pieces.sum()), most)
    length[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * most
    which = np.searchsorted(1 << WIDTHS, length)
    width = WIDTHS[which]
    word = np.repeat(np.where(flat[starts], 255, 0), pieces)
    blocks = (((4 | which) << width | (length - 1)) << WORD) | word
    header = np.array([flat.size * CHANNELS, WORD - 1, *(WIDTHS - 1)])
    return _packed(np.concatenate([header, blocks]), np.concatenate([[32, 5, 4, 4, 4, 4], 3 + width + WORD]))


def decode(rle: Sequence[int] | ByteArray, size: Size) -> BoolArray:
    """The mask of a brush's run-lengths: where alpha is above ``OPAQUE``.

    Args:
        rle: (n,) numbers of 0 to 255.
        size: (H, W) that the mask must have.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: another size, no such stream, or one that ends early.
    """
    data = _bytes(rle)
    height, width = size
    total = height * width * CHANNELS
    raw = data.tobytes() + bytes(8)  # so that no read runs out
    if len(data) * 8 < HEADER:
        raise ValueError("run-lengths: too short to be any")
    if _read(raw, 0, 32) != total:
        raise ValueError(f"run-lengths: of {_read(raw, 0, 32)} words, {total} are those of {height} x {width} RGBA")
    if _read(raw, 32, 5) + 1 != WORD:
        raise ValueError(f"run-lengths: words of {_read(raw, 32, 5) + 1} bits, allowed: {WORD}")
    widths = [_read(raw, 37 + 4 * i, 4) + 1 for i in range(4)]
    places, lengths, equal = _blocks(raw, len(data) * 8, total, widths)
    read = np.where(equal, 1, lengths)  # words that stand in each block
    within = np.arange(read.sum()) - np.repeat(np.cumsum(read) - read, read)
    values = _words(raw, np.repeat(places, read) + WORD * within)
    words = np.repeat(values, np.repeat(np.where(equal, lengths, 1), read))
    mask: BoolArray = (words[CHANNELS - 1 :: CHANNELS] > OPAQUE).reshape(size)
    return mask


def _blocks(raw: bytes, bits: int, total: int, widths: list[int]) -> tuple[IntArray, IntArray, BoolArray]:
    """Bit at which each block's first word stands, how many words it is, and whether they are all equal."""
    found: list[tuple[int, int, int]] = []
    at, done = HEADER, 0
    while done < total:
        head = _read(raw, at, 3)
        width = widths[head & 3]
        length = _read(raw, at + 3, width) + 1
        at += 3 + width
        found.append((at, length, head >> 2))
        at += WORD * (1 if head >> 2 else length)
        done += length
        if at > bits:
            raise ValueError(f"run-lengths: end after {done - length} of {total} words")
    if done > total:
        raise ValueError(f"run-lengths: {done - total} words too many")
    columns = np.array(found, np.int64).T
    return columns[0], columns[1], columns[2].astype(bool)


def _read(raw: bytes, at: int, width: int) -> int:
    window = int.from_bytes(raw[at >> 3 : (at >> 3) + 8], "big")
    return (window >> (64 - (at & 7) - width)) & ((1 << width) - 1)


def _words(raw: bytes, at: IntArray) -> IntArray:
    """The 8-bit words that begin at the given bits."""
    data = np.frombuffer(raw, np.uint8).astype(np.uint16)
    pair = data[at >> 3] << 8 | data[(at >> 3) + 1]
    words: IntArray = (pair >> (8 - (at & 7)).astype(np.uint16)) & 255
    return words


def _bytes(rle: Sequence[int] | ByteArray) -> ByteArray:
    try:
        data = np.asarray(rle)
    except ValueError:
        data = np.empty((0, 0))
    if data.ndim != 1 or data.dtype.kind not in "iu" or ((data < 0) | (data > 255)).any():
        raise ValueError("run-lengths: expected a list of numbers of 0 to 255")
    return data.astype(np.uint8)


def _packed(values: IntArray, widths: IntArray) -> ByteArray:
    """Values as bits, each of its width, first bit first; the last byte is filled with zeros."""
    ends = np.cumsum(widths)
    shift = np.repeat(ends, widths) - 1 - np.arange(ends[-1])
    return np.packbits((np.repeat(values, widths) >> shift & 1).astype(np.uint8))
