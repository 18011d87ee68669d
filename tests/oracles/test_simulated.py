from __future__ import annotations

import numpy as np
import pytest
from arrays import CLASSES, ArrayLabels

import seglens.oracles  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.functional.contours import contour_clicks
from seglens.functional.run_lengths import encode
from seglens.protocols import AskContext
from seglens.registry import oracles
from seglens.types import IGNORE, AnswerKind, AnswerStatus, Chance, Cost, Provenance, Query, Region, SeglensError

SIZE = (12, 16)


def ask(kind, mask, truth, **params):
    region = Region("a/b", mask.shape, encode(mask), "key", 0)
    oracle = oracles.build(PartConfig(name="simulated", **params), None)
    context = AskContext(CLASSES, ArrayLabels({"a/b": truth}), None, Chance((0,)))
    oracle.submit([Query("q", 1, region, kind, 0.5, Cost())], context)
    (answer,) = oracle.collect()
    assert answer.provenance is Provenance.SIMULATED
    return answer


@pytest.fixture
def mask():
    mask = np.zeros(SIZE, bool)
    mask[2:8, 3:11] = True
    return mask


@pytest.fixture
def truth():
    truth = np.full(SIZE, 4, np.uint8)
    truth[:, 5:] = 2
    truth[2, :] = IGNORE
    return truth


def test_dominant_class(mask, truth):
    answer = ask(AnswerKind.DOMINANT_CLASS, mask, truth)
    assert (answer.status, answer.classes) == (AnswerStatus.ANSWERED, (2,))
    assert answer.cost == Cost(1.0, 40.0, 2.4)


def test_dense(mask, truth):
    answer = ask(AnswerKind.DENSE, mask, truth)
    assert np.array_equal(answer.dense, truth[mask])
    drawn = contour_clicks(truth, mask)
    assert (drawn.segments, answer.cost.pixels) == (2, 40.0)
    assert answer.cost.clicks == drawn.total
    assert answer.cost.seconds == pytest.approx((drawn.vertices + drawn.intersections) * 0.9 + 2 * 2.4)


def test_a_drawn_mask_is_answered_and_paid_as_dense(mask, truth):
    drawn, dense = ask(AnswerKind.MASK, mask, truth), ask(AnswerKind.DENSE, mask, truth)
    assert np.array_equal(drawn.dense, truth[mask])
    assert (drawn.cost, drawn.status) == (dense.cost, dense.status)


def test_point(mask, truth):
    answer = ask(AnswerKind.POINT, mask, truth)
    assert answer.point == (4, 6)  # nearest the middle (4.5, 6.5), the first of four
    assert mask[answer.point]
    assert answer.classes == (2,)
    assert answer.cost == Cost(1.0, 16.0, 2.4)  # its cell, rows 4 to 7, columns 4 to 7


def test_class_set(mask, truth):
    answer = ask(AnswerKind.CLASS_SET, mask, truth)
    assert answer.classes == (2, 4)
    assert answer.cost == Cost(2.0, 40.0, 4.8)
    assert ask(AnswerKind.CLASS_SET, mask, truth, set_share=0.3).classes == (2,)


@pytest.mark.parametrize("kind", [kind for kind in AnswerKind if kind is not AnswerKind.VERDICT])
def test_void_is_paid_and_labels_nothing(kind, mask):
    answer = ask(kind, mask, np.full(SIZE, IGNORE, np.uint8))
    assert answer.status is AnswerStatus.VOID
    assert answer.cost == Cost(1.0, 0.0, 2.4)
    assert (answer.classes, answer.dense) == ((), None)


def test_mostly_void_is_void_for_one_class_but_not_for_dense(mask, truth):
    truth[2:6] = IGNORE
    assert ask(AnswerKind.DOMINANT_CLASS, mask, truth).status is AnswerStatus.VOID
    truth[5] = 1
    assert ask(AnswerKind.DOMINANT_CLASS, mask, truth).status is AnswerStatus.ANSWERED  # half is not most
    dense = ask(AnswerKind.DENSE, mask, truth)
    assert (dense.status, dense.cost.pixels) == (AnswerStatus.ANSWERED, 24.0)


def test_prices_are_values(mask, truth):
    assert ask(AnswerKind.POINT, mask, truth, seconds={"click": 7}).cost.seconds == 7
    loose = ask(AnswerKind.DENSE, np.ones(SIZE, bool), truth, contour_tolerance=5.0)
    assert loose.cost.clicks <= ask(AnswerKind.DENSE, np.ones(SIZE, bool), truth).cost.clicks
    with pytest.raises(SeglensError, match=r"seconds\.click"):
        ask(AnswerKind.POINT, mask, truth, seconds={"click": -1})


def test_answers_come_in_the_order_asked_and_go_to_their_own_image(mask):
    truths = {f"image {n}": np.full(SIZE, n, np.uint8) for n in range(4)}
    oracle = oracles.build(PartConfig(name="simulated"), None)
    queries = [
        Query(f"q{n}", 1, Region(f"image {n}", SIZE, encode(mask), "k", 0), AnswerKind.DOMINANT_CLASS, 0.0, Cost())
        for n in (2, 0, 3, 1, 2)
    ]
    oracle.submit(queries, AskContext(CLASSES, ArrayLabels(truths), None, Chance((0,))))
    answers = oracle.collect()
    assert [answer.query for answer in answers] == ["q2", "q0", "q3", "q1"]
    assert [answer.classes[0] for answer in answers] == [2, 0, 3, 1]


def test_what_cannot_be_answered_is_refused(mask, truth):
    oracle = oracles.build(PartConfig(name="simulated"), None)
    query = Query("q", 1, Region("a", SIZE, encode(mask), "k", 0), AnswerKind.POINT, 0.0, Cost())
    with pytest.raises(SeglensError, match="no labels to answer from"):
        oracle.submit([query], AskContext(CLASSES, None, None, Chance((0,))))
    with pytest.raises(SeglensError, match="mask of image 'a': size 6 x 8, expected 12 x 16"):
        oracle.submit([query], AskContext(CLASSES, ArrayLabels({"a": truth[:6, :8]}), None, Chance((0,))))
    with pytest.raises(SeglensError, match="answers of kind 'verdict' are not simulated"):
        ask(AnswerKind.VERDICT, mask, truth)
