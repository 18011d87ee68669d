"""Masks as answers: each kind of question, and what stays open."""

from __future__ import annotations

import numpy as np
import pytest

from seglens.bridges.answers import Answers, answer_from
from seglens.functional.run_lengths import encode
from seglens.types import IGNORE, AnswerKind, AnswerStatus, Cost, Provenance, Query, Region

SIZE = (4, 6)


@pytest.fixture
def inside():
    inside = np.zeros(SIZE, bool)
    inside[1:3, 1:6] = True
    return inside


def ask(inside, kind):
    return Query("q", 1, Region("a", SIZE, encode(inside), "k", 0), kind, 0.5, Cost(7.0))


def answered(mask, inside, kind, share=0.9):
    found = Answers()
    answer_from(mask, [ask(inside, kind)], "ana", share, found)
    return found


@pytest.fixture
def mask():
    """Class 3 on six pixels of the region, 1 on three, 0 on one; 2 outside."""
    mask = np.full(SIZE, 2, np.uint8)
    mask[1, 1:6] = [3, 3, 1, 1, 0]
    mask[2, 1:6] = [3, 3, 3, 3, 1]
    return mask


@pytest.mark.parametrize("kind", [AnswerKind.DENSE, AnswerKind.MASK])
def test_a_drawn_answer_is_the_mask_inside_the_region(mask, inside, kind):
    mask[1, 1] = IGNORE
    (answer,) = answered(mask, inside, kind).answers
    assert answer.dense.tolist() == [IGNORE, 3, 1, 1, 0, 3, 3, 3, 3, 1]
    assert answer.classes == ()
    assert (answer.status, answer.provenance, answer.annotator) == (AnswerStatus.ANSWERED, Provenance.PERSON, "ana")
    assert answer.cost == Cost(7.0, 9.0, 0.0)


def test_a_dominant_class_is_the_most_frequent(mask, inside):
    (answer,) = answered(mask, inside, AnswerKind.DOMINANT_CLASS).answers
    assert answer.classes == (3,)
    assert answer.dense is None
    assert answer.cost == Cost(1.0, 10.0, 0.0)


def test_a_class_set_is_every_class_there_most_frequent_first(mask, inside):
    (answer,) = answered(mask, inside, AnswerKind.CLASS_SET).answers
    assert answer.classes == (3, 1, 0)
    assert answer.cost == Cost(3.0, 10.0, 0.0)


@pytest.mark.parametrize("kind", [AnswerKind.POINT, AnswerKind.VERDICT])
def test_what_a_mask_cannot_say_stays_open(mask, inside, kind):
    found = answered(mask, inside, kind)
    assert found.answers == []
    assert found.left == {kind.value: 1}


@pytest.mark.parametrize("kind", [AnswerKind.DENSE, AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET])
@pytest.mark.parametrize(("unlabelled", "share", "answers"), [(1, 0.9, 1), (2, 0.9, 0), (2, 0.8, 1), (10, 0.0, 0)])
def test_a_region_is_answered_where_enough_of_it_is_labelled(mask, inside, kind, unlabelled, share, answers):
    y, x = np.nonzero(inside)
    mask[y[:unlabelled], x[:unlabelled]] = IGNORE
    found = answered(mask, inside, kind, share)
    assert len(found.answers) == answers
    assert found.left == ({} if answers else {"unlabelled": 1})
    assert found.kinds == ({kind.value: 1} if answers else {})
