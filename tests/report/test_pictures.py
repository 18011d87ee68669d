"""Pictures: crops hold the region, outlines stand around it, maps keep their place."""

from __future__ import annotations

import base64
import io
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seglens.report.pictures import (
    WIDTH,
    class_colours,
    close_box,
    coloured,
    data_url,
    fitted,
    heat,
    score_colours,
    shown,
    sized,
)
from seglens.types import ClassTable


@given(st.integers(1, 60), st.integers(1, 90), st.data())
def test_a_close_up_holds_the_region_and_stays_inside(height: int, width: int, data: st.DataObject) -> None:
    y0, x0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, height)), data.draw(st.integers(x0 + 1, width))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    top, left, bottom, right = close_box(mask)
    assert 0 <= top <= y0
    assert y1 <= bottom <= height
    assert 0 <= left <= x0
    assert x1 <= right <= width


def test_a_close_up_of_a_small_region_is_a_third_of_the_image() -> None:
    mask = np.zeros((100, 200), bool)
    mask[50, 100] = True
    assert close_box(mask) == (35, 70, 65, 130)


def test_the_outline_stands_around_the_region_and_leaves_it_free() -> None:
    picture = np.full((60, 140, 3), 128, np.uint8)
    mask = np.zeros((60, 140), bool)
    mask[20:40, 50:90] = True
    drawn = sized(picture, mask, smooth=False)
    assert drawn.shape == (120, WIDTH, 3)
    assert (drawn[44:76, 104:176] == 128).all()
    white = (drawn == 255).all(axis=2)
    assert white[39, 120]
    assert white[60, 99]
    assert (drawn[10, 10] == 128).all()


@pytest.mark.parametrize("size", [(3, 5), (48, 80), (37, 59)])
def test_fitted_takes_the_pixel_under_each_middle(size: tuple[int, int]) -> None:
    values = np.arange(24 * 40).reshape(24, 40)
    found = fitted(values, size)
    for y in range(size[0]):
        for x in range(size[1]):
            middle = (Fraction(2 * y + 1, 2) * 24 / size[0], Fraction(2 * x + 1, 2) * 40 / size[1])
            assert found[y, x] == values[math.floor(middle[0]), math.floor(middle[1])]


def test_classes_have_their_colours_and_nothing_else_has() -> None:
    classes = ClassTable(("a", "b"), ((1, 2, 3), (4, 5, 6)))
    found = class_colours(np.array([[0, 1, 255]], np.uint8), classes)
    assert found.tolist() == [[[1, 2, 3], [4, 5, 6], [0, 0, 0]]]


def test_a_higher_score_is_brighter() -> None:
    shown = score_colours(np.linspace(0, 1, 50, dtype=np.float16)[None]).astype(int)
    light = shown @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light[0]) >= -0.5).all()
    assert light[0, -1] - light[0, 0] > 150


@pytest.mark.parametrize("score", [np.full((2, 3), np.nan), np.zeros((2, 3)), np.array([[np.inf, 1.0, 2.0]])])
def test_a_flat_or_broken_score_map_is_drawn(score: np.ndarray) -> None:
    assert score_colours(score.astype(np.float16)).shape == (*score.shape, 3)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_data_url_opens(kind: str) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    head, _, body = data_url(picture, kind).partition(",")
    assert head == f"data:image/{kind};base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (30, 20)


def test_heat_grows_with_the_value_and_leaves_the_photograph_visible() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    values = np.linspace(0, 1, 10 * 15, dtype=np.float32).reshape(10, 15)
    light = heat(np.full_like(picture, 128), values) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.diff(light[::2].ravel()[::2]).min() > -1.5  # brighter throughout in grey as well, but for rounding
    assert light[-1, -1] > light[0, 0] + 100
    flat = heat(picture, np.zeros((10, 15), np.float32))
    shade = picture @ np.array([0.299, 0.587, 0.114])
    assert np.corrcoef(flat.sum(-1).ravel(), shade.ravel())[0, 1] > 0.99


def test_coloured_ends_at_the_value_it_is_told() -> None:
    values = np.array([[0.0, 0.2, 0.4, 9.0]], np.float32)
    drawn = coloured(values, "inferno", 0.4)[0]
    assert (drawn[2] == drawn[3]).all()
    assert (drawn[0] != drawn[1]).any()
    assert np.isfinite(coloured(values, "inferno", 0.0)).all()


def test_a_shown_picture_outlines_every_region() -> None:
    regions = np.zeros((40, 80), np.int32)
    regions[5:20, 10:30], regions[5:20, 30:60] = 1, 2
    found = shown(np.zeros((40, 80, 3), np.uint8), "png", "alt", "caption", regions)
    drawn = np.array(Image.open(io.BytesIO(base64.b64decode(found.url.partition(",")[2]))).convert("RGB"))
    line = (drawn == (0, 229, 255)).all(-1)
    assert (found.width, found.height) == (drawn.shape[1], drawn.shape[0]) == (WIDTH, WIDTH // 2)
    scale = WIDTH / 80
    row = line[round(12 * scale)]
    assert [bool(row[round(x * scale) + side]) for x, side in ((10, 1), (20, 0), (30, -1), (30, 1), (60, -1))] == [
        True,
        False,
        True,
        True,
        True,
    ]
    assert not line[round(30 * scale)].any()
