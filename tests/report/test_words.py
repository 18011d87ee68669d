"""Answers in words."""

from __future__ import annotations

import numpy as np
import pytest

from seglens.report.words import STATUSES, answer_words, class_name, cost_words
from seglens.types import Answer, AnswerStatus, ClassTable, Cost, Provenance

CLASSES = ClassTable(("road", "sky", "car"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))


def answer(status: AnswerStatus = AnswerStatus.ANSWERED, **values) -> Answer:
    return Answer("q", status, Cost(1, 12, 4), Provenance.PERSON, **values)


def test_a_dense_answer_names_its_classes_the_largest_first() -> None:
    dense = np.array([255, 1, 2, 2, 1, 2], np.uint8)
    assert answer_words(answer(dense=dense), CLASSES) == "car and sky"
    assert answer_words(answer(dense=dense[:1]), CLASSES) == STATUSES[AnswerStatus.VOID]


def test_a_class_set_is_listed_as_given() -> None:
    assert answer_words(answer(classes=(2, 0, 1)), CLASSES) == "car, road and sky"


@pytest.mark.parametrize("status", [s for s in AnswerStatus if s is not AnswerStatus.ANSWERED])
def test_what_is_no_answer_says_so(status: AnswerStatus) -> None:
    assert answer_words(answer(status), CLASSES) == STATUSES[status]


def test_no_answer_yet() -> None:
    assert answer_words(None, CLASSES) == "not answered yet"


def test_an_unknown_class_is_a_number() -> None:
    assert class_name(7, CLASSES) == "class 7"


def test_cost_names_its_units() -> None:
    assert cost_words(answer()) == "1 click, 12 pixels, 4.0 s"
