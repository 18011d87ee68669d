"""A mask comes back as it went; a stream that is none is refused. Label Studio's own codec reads it, and is read, in
tests/bridges/label_studio/test_codec.py."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seglens.functional.brush import decode, encode


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_mask_comes_back(mask: np.ndarray) -> None:
    assert np.array_equal(decode(encode(mask), mask.shape), mask)
    assert np.array_equal(decode(encode(mask).tolist(), mask.shape), mask)


@pytest.mark.parametrize("size", [(1, 16384), (1, 16385), (257, 511), (1024, 2048)])
@pytest.mark.parametrize("fill", [False, True])
def test_runs_longer_than_a_block_are_split(size: tuple[int, int], fill: bool) -> None:
    mask = np.full(size, fill)
    mask[-1, -1] = not fill
    assert np.array_equal(decode(encode(mask), size), mask)
    assert len(encode(mask)) < 4 * (size[0] * size[1] * 4 // 65536 + 8)


def written(words: np.ndarray, widths: tuple[int, ...], blocks: list[tuple[bool, int]]) -> list[int]:
    """A stream with chosen widths and blocks, equal or word by word, bit by bit as text."""
    text = f"{len(words):032b}{7:05b}" + "".join(f"{w - 1:04b}" for w in widths)
    at = 0
    for equal, length in blocks:
        which = next(i for i, w in enumerate(widths) if length <= 1 << w)
        text += f"{int(equal)}{which:02b}" + format(length - 1, f"0{widths[which]}b")
        text += "".join(f"{w:08b}" for w in words[at : at + (1 if equal else length)])
        at += length
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


@given(st.data())
def test_any_widths_and_blocks_are_read(data: st.DataObject) -> None:
    alpha = data.draw(arrays(np.uint8, (3, 5)))
    rgba = data.draw(arrays(np.uint8, (3, 5, 4)))
    rgba[..., 3] = alpha
    words = rgba.ravel()
    widths = tuple(sorted(data.draw(st.lists(st.integers(1, 16), min_size=4, max_size=4))))
    blocks, at = [], 0
    while at < len(words):
        most = min(len(words) - at, 1 << widths[-1])
        length = data.draw(st.integers(1, most))
        equal = bool((words[at : at + length] == words[at]).all())
        blocks.append((equal, length))
        at += length
    assert np.array_equal(decode(written(words, widths, blocks), (3, 5)), alpha > 127)


def test_what_is_no_stream_of_that_size_is_refused() -> None:
    mask = np.random.default_rng(0).random((9, 7)) > 0.5
    rle = encode(mask)
    with pytest.raises(ValueError, match="252 words, 280 are those of 10 x 7"):
        decode(rle, (10, 7))
    with pytest.raises(ValueError, match="end after"):
        decode(rle[:-3], (9, 7))
    with pytest.raises(ValueError, match="too short"):
        decode([1, 2, 3], (9, 7))
    for wrong in ([], [300], [-1], [[1, 2]], ["a"], [1.5], None, [[1], [1, 2]]):
        with pytest.raises(ValueError, match="0 to 255"):
            decode(wrong, (9, 7))  # type: ignore[arg-type]
    words = np.zeros(8, np.uint8)
    with pytest.raises(ValueError, match="words too many"):
        decode(written(np.zeros(8, np.uint8), (3, 4, 8, 16), [(True, 7), (True, 2)]), (1, 2))
    other = written(words, (3, 4, 8, 16), [(True, 8)])
    other[4] = other[4] & 7  # words of one bit
    with pytest.raises(ValueError, match="words of 1 bits"):
        decode(other, (1, 2))


@given(st.lists(st.integers(0, 255), max_size=60))
def test_any_bytes_end_in_a_mask_or_an_error(tail: list[int]) -> None:
    header = encode(np.zeros((3, 4), bool))[:6].tolist()
    with contextlib.suppress(ValueError):
        assert decode([*header, *tail], (3, 4)).shape == (3, 4)
