"""Alternating counts against pycocotools, and back again, by property."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as reference

from seglens.functional.mask_counts import alternate, coco, cvat, of_coco, of_cvat, pack, restore, unpack

# pycocotools hands numpy arrays in a way that numpy 2 frowns at
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))
MASKS = SIDES.flatmap(lambda size: arrays(bool, size))
COARSE = st.builds(
    lambda small, y, x: np.kron(small, np.ones((y, x), bool)), MASKS, st.integers(1, 70), st.integers(1, 30)
)


@given(MASKS | COARSE)
def test_coco_is_written_as_pycocotools_writes_it_and_read_back(mask):
    text = coco(mask)
    assert text.encode() == reference.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert np.array_equal(of_coco(text, mask.shape), mask)
    assert np.array_equal(reference.decode({"size": list(mask.shape), "counts": text}), mask)
    assert np.array_equal(of_coco(unpack(text).tolist(), mask.shape), mask)


@given(st.lists(st.integers(0, 2**31), max_size=30))
def test_packed_counts_come_back(counts):
    assert unpack(pack(np.array(counts, np.int64))).tolist() == counts


@given(MASKS)
def test_counts_come_back(mask):
    counts = alternate(mask.ravel())
    assert (counts[1:] > 0).all()
    assert np.array_equal(restore(counts, mask.size), mask.ravel())


@given(MASKS.filter(lambda mask: mask.any()))
def test_cvat_comes_back_and_its_box_is_tight(mask):
    box, counts = cvat(mask)
    assert np.array_equal(of_cvat(box, counts, mask.shape), mask)
    left, top, width, height = box
    inside = mask[top : top + height, left : left + width]
    assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
    # plain Python's reading of the same text
    numbers = [n for i, count in enumerate(counts.split(", ")) for n in [i % 2] * int(count)]
    assert numbers == inside.astype(int).ravel().tolist()


@given(st.text(max_size=30) | st.text(alphabet=[chr(c) for c in range(48, 112)], max_size=30), SIDES)
def test_any_text_is_a_mask_or_a_value_error(text, size):
    with contextlib.suppress(ValueError):
        assert of_coco(text, size).shape == size


@given(st.text(alphabet="0123456789,- ", max_size=30), st.tuples(*[st.integers(-3, 12)] * 4), SIDES)
def test_any_cvat_text_is_a_mask_or_a_value_error(text, box, size):
    with contextlib.suppress(ValueError):
        assert of_cvat(box, text, size).shape == size


@pytest.mark.parametrize("counts", [[3], [-1, 5], [2, 3], [2**62, 2**62, 4]])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(ValueError, match="run-lengths"):
        of_coco(counts, (2, 2))


def test_a_box_that_leaves_the_image_is_refused():
    with pytest.raises(ValueError, match="leaves the image of 4 x 3"):
        of_cvat((2, 0, 3, 1), "0, 3", (3, 4))
