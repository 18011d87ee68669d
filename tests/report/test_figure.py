"""The figure: a picture of the right shape, whatever the image, the names and the number of candidates."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.loop import load_config
from seglens.report.explain import Explanation
from seglens.report.figure import COLUMNS, draw
from seglens.report.lens import of_run
from seglens.types import ClassTable


@pytest.fixture(scope="module")
def found(explained: Path) -> Explanation:
    lens = of_run(explained, load_config(explained))
    return lens.explain(lens.known[0], lens.known[0].ids[0])


def picture(found: Explanation) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(draw(found))).convert("RGB"))


def colours(drawn: np.ndarray) -> set[tuple[int, ...]]:
    packed = np.unique(drawn.astype(np.int64) @ np.array([65536, 256, 1]))
    return {(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in packed}


def test_it_holds_the_image_and_the_class_colours(found: Explanation) -> None:
    drawn = picture(found)
    assert drawn.shape[1] > 1.5 * drawn.shape[0]
    seen = colours(drawn)
    assert {found.classes.colors[c] for c, share in found.present if share > 0.001} <= seen
    assert (0, 229, 255) in seen  # a candidate's outline


def test_no_candidate_is_said(found: Explanation) -> None:
    none = replace(found, candidates=(), regions=np.zeros_like(found.regions))
    assert (0, 229, 255) not in colours(picture(none))


def test_names_are_no_formulas(found: Explanation) -> None:
    names = tuple(f"$_{{{i}" for i in range(len(found.classes)))
    odd = replace(found, image="a$b_{c$", model="_$x^$", classes=ClassTable(names, found.classes.colors))
    assert picture(odd).shape[1] == picture(found).shape[1]


@pytest.mark.parametrize("size", [(96, 40), (200, 410), (64, 97)])
def test_native_size_may_be_another_than_the_models(found: Explanation, size: tuple[int, int]) -> None:
    shape = Image.fromarray(found.picture).resize(size[::-1])
    regions = np.zeros(size, np.int32)
    regions[5:30, 5:20] = 1
    one = replace(found, picture=np.array(shape), regions=regions, candidates=found.candidates[:1])
    drawn = picture(one)
    assert drawn.shape[1] / COLUMNS > 300
    panels = 2 * 3.1 * 110 * size[0] / size[1]
    assert drawn.shape[0] > panels


def test_flat_maps_can_be_drawn(found: Explanation) -> None:
    flat = np.zeros_like(found.eem)
    assert picture(replace(found, eem=flat, pae=flat, cam=flat, entropy=flat, proximity=flat, patches=flat)).any()
