"""The tables add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from seglens.report import RunView
from seglens.report.gallery import IN_ALL, gallery, spaced
from seglens.report.tables import class_rows, label_rows, labels_of, rare_classes, status_rows, time_rows
from seglens.report.view import Asked, LabelCounts
from seglens.types import AnswerStatus

Maker = Callable[..., Path]


def test_a_class_is_rare_below_a_hundredth_of_the_labels(run: Path) -> None:
    view = RunView.load(run)
    counts = LabelCounts(np.array([9900, 100, 99, 0]), {}, 1)
    assert rare_classes(replace(view, labels=counts)) == {1, 2, 3}
    assert rare_classes(replace(view, labels=LabelCounts(np.array([900, 100, 10, 11]), {}, 1))) == {2}
    assert rare_classes(replace(view, labels=LabelCounts(np.zeros(4, int), {}, 0))) == set()


def test_answers_by_class_add_up_to_the_answers(run: Path) -> None:
    view = RunView.load(run)
    assert sum(int(row.answers) for row in label_rows(view)) == 24


def test_every_question_is_in_one_state(run: Path) -> None:
    view = RunView.load(run)
    void = replace(view.asked[0].answer, status=AnswerStatus.VOID, classes=())
    asked = (Asked(view.asked[0].query, void), Asked(view.asked[1].query, None), *view.asked[2:])
    shown, rows = status_rows(replace(view, asked=asked))
    assert shown == ["answered", "void", "open"]
    assert rows[0][:4] == ("0", "6", "1", "1")
    assert rows[1][:4] == ("1", "8", "0", "0")
    assert rows[0][4] == "7"


def test_a_change_runs_from_the_first_known_value(run: Path) -> None:
    view = RunView.load(run)
    pole = next(row for row in class_rows(view) if row.name == "pole")
    assert pole.cells[0] == (None, "–")
    assert float(pole.change.replace("−", "-")) == round(pole.cells[2][0] - pole.cells[1][0], 3)


def test_times_name_the_stages_that_took_some(run: Path) -> None:
    stages, rows = time_rows(RunView.load(run))
    assert "train" in stages
    assert rows[0][stages.index("train") + 1] == "1.5 s"
    assert rows[0][-1] == "2.9 s"


def test_runs_of_one_preset_are_told_apart_by_their_folder(make_run: Maker) -> None:
    views = [RunView.load(make_run("one", rounds=1)), RunView.load(make_run("two", rounds=1))]
    assert labels_of(views) == ["default (one)", "default (two)"]


def test_the_gallery_spans_the_ranking() -> None:
    assert spaced(150, 6)[0] == 0
    assert spaced(150, 6)[-1] == 149
    assert spaced(0, 6) == []


def test_the_gallery_is_bounded(make_run: Maker) -> None:
    view = RunView.load(make_run(rounds=1))
    rounds = tuple(replace(view.rounds[0], number=n) for n in range(60))
    asked = tuple(Asked(replace(view.asked[0].query, round=n), view.asked[0].answer) for n in range(60))
    shelves = gallery(replace(view, rounds=rounds, asked=asked))
    assert sum(len(shelf.items) for shelf in shelves) == IN_ALL
    assert shelves[-1].number == 59
