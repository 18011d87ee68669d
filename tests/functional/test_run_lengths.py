from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seglens.functional.run_lengths import decode, encode, encode_label, indices

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=17))


@given(masks)
@settings(max_examples=150, deadline=None)
def test_decoding_gives_the_mask_back(mask):
    runs = encode(mask)
    assert runs.dtype == np.int32
    assert np.array_equal(decode(runs, mask.shape), mask)
    assert runs[:, 1].sum() == mask.sum()


@given(masks)
@settings(max_examples=150, deadline=None)
def test_runs_are_in_order_and_as_long_as_can_be(mask):
    runs = encode(mask)
    assert (runs[:, 1] > 0).all()
    assert (runs[1:, 0] > runs[:-1].sum(1)).all()
    assert np.array_equal(indices(runs), np.flatnonzero(mask))


@given(arrays(np.int32, (6, 9), elements=st.integers(-1, 4)), st.integers(-1, 5))
@settings(max_examples=50, deadline=None)
def test_a_label_is_its_mask(labels, index):
    assert np.array_equal(encode_label(labels, index), encode(labels == index))


def test_runs_go_on_over_the_end_of_a_row():
    mask = np.zeros((3, 4), bool)
    mask[0, 3] = mask[1, 0] = True
    assert encode(mask).tolist() == [[3, 2]]


def test_a_run_outside_the_image_is_refused():
    with pytest.raises(ValueError, match="pixel 12 lies outside an image of 3 x 4"):
        decode(np.array([[10, 3]], np.int32), (3, 4))
