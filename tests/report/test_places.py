"""Questions by class and by place, counted apart from the report."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seglens.functional.run_lengths import encode
from seglens.report import RunView
from seglens.report.places import ACROSS, CELLS, DOWN, asked_columns, asked_rows, class_of, density, places
from seglens.types import Answer, AnswerStatus, Cost, Provenance, Region


@pytest.fixture(scope="module")
def view(run: Path) -> RunView:
    return RunView.load(run)


def region(mask: np.ndarray) -> Region:
    return Region("x", mask.shape, encode(mask), "", 0)


def test_density_is_the_share_of_each_cell_that_is_covered() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random((CELLS[0] * 3, CELLS[1] * 2)) < 0.3 for _ in range(3)]
    expected = sum(mask.reshape(CELLS[0], 3, CELLS[1], 2).mean((1, 3)) for mask in masks)
    assert np.allclose(density([region(mask) for mask in masks]), expected)


@pytest.mark.parametrize("size", [(50, 77), (240, 480), (7, 9)])
def test_a_whole_image_covers_every_cell_once(size: tuple[int, int]) -> None:
    found = density([region(np.ones(size, bool))])
    if size[0] >= CELLS[0] and size[1] >= CELLS[1]:
        assert np.allclose(found, 1)
    assert found.max() == pytest.approx(1)


def test_parts_of_the_image_add_up(view: RunView) -> None:
    (place,) = places([view])
    counted: Counter[tuple[str, str]] = Counter()
    for asked in view.asked:
        mask = np.zeros(asked.query.region.size, bool).ravel()
        for start, length in asked.query.region.runs:
            mask[start : start + length] = True
        y, x = (float(v.mean()) for v in np.nonzero(mask.reshape(asked.query.region.size)))
        height, width = asked.query.region.size
        counted[DOWN[int((y + 0.5) / height * 3)], ACROSS[int((x + 0.5) / width * 3)]] += 1
    for name, row in place.parts:
        for across, (_, text) in zip(ACROSS, row, strict=True):
            share = float(re.sub(r"[^0-9.]", "", text))
            assert share == pytest.approx(100 * counted[name, across] / len(view.asked), abs=0.6)


def test_every_question_has_a_class_or_none(view: RunView) -> None:
    rows = asked_rows([view])
    assert [row.name for row in rows[: len(view.classes)]] == list(view.classes.names)
    counts = [int(row.cells[0][1].split()[0]) for row in rows]
    assert sum(counts) == len(view.asked)
    expected = Counter(class_of(a, len(view.classes)) for a in view.asked)
    assert counts[: len(view.classes)] == [expected[c] for c in range(len(view.classes))]
    for row, count in zip(rows, counts, strict=True):
        assert sum(int(text) for _, text in row.cells[1:]) == count
    assert len(asked_columns([view])) == len(rows[0].cells)


def test_class_is_the_predicted_one_then_the_answered_one(view: RunView) -> None:
    later = next(a for a in view.asked if a.query.round)
    assert class_of(later, 4) == later.query.reason["classes"][0]
    first = next(a for a in view.asked if not a.query.round and a.answer and a.answer.classes)
    assert first.answer is not None
    assert class_of(first, 4) == first.answer.classes[0]
    dense = Answer(
        "", AnswerStatus.ANSWERED, Cost(), Provenance.PERSON, dense=np.array([2, 2, 1, 255, 255, 255], np.uint8)
    )
    assert class_of(replace(first, answer=dense), 4) == 2
    void = Answer("", AnswerStatus.VOID, Cost(), Provenance.PERSON)
    assert class_of(replace(first, answer=void), 4) == -1
    assert class_of(replace(first, answer=None), 4) == -1


def test_runs_stand_side_by_side(view: RunView) -> None:
    other = replace(view, asked=view.asked[:5], config=view.config.model_copy(update={"preset": "other"}))
    assert [place.label for place in places([view, other])] == ["default", "other"]
    assert asked_columns([view, other])[:2] == ["default", "other"]
    assert sum(int(row.cells[1][1].split()[0]) for row in asked_rows([view, other])) == 5


def test_a_run_that_asked_nothing_has_no_section(view: RunView) -> None:
    empty = replace(view, asked=())
    assert places([empty]) == []
    assert asked_rows([empty]) == []
