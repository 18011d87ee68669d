from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from arrays import make_world
from sklearn.metrics import f1_score
from torchmetrics.functional.classification import multiclass_f1_score

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.settle.dice_gate import image_dice
from seglens.config import PartConfig
from seglens.functional.run_lengths import encode
from seglens.registry import settles
from seglens.types import (
    IGNORE,
    Answer,
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    Cost,
    Provenance,
    Query,
    Region,
    SeglensError,
)

SIZE = (8, 10)


def said(id, mask, classes, first=False, kind=AnswerKind.DENSE, status=AnswerStatus.ANSWERED):
    """An answer about ``mask``: (H, W) classes, of which those inside count."""
    query = Query(
        id, 1, Region("a", SIZE, encode(mask), "k", 0), kind, 0.5, Cost(), {"first_round": True} if first else {}
    )
    dense = classes[mask] if kind is not AnswerKind.CLASS_SET and status is AnswerStatus.ANSWERED else None
    named = (0, 1) if kind is AnswerKind.CLASS_SET else ()
    return Answered(query, Answer(id, status, Cost(), Provenance.SIMULATED, named, dense))


class Latest:
    """What the latest model predicts."""

    def __init__(self, prediction, ids=("a",)):
        self.ids = list(ids)
        self.probs = torch.nn.functional.one_hot(torch.from_numpy(prediction).long(), 5).permute(2, 0, 1)[None].float()


def settle(answers, at_ask, latest, **params):
    gate = settles.build(PartConfig(name="dice-gate", **params), None)
    ev = None if latest is None else Latest(latest)
    rounds = {} if at_ask is None else {answered.query.round: at_ask for answered in answers}
    return gate.settle([AnsweredImage("a", SIZE, answers, rounds)], ev)[0]


def half(right, wrong, share):
    """Class ``right``, but ``wrong`` on the first ``share`` of the columns."""
    prediction = np.full(SIZE, right, np.uint8)
    prediction[:, : int(share * SIZE[1])] = wrong
    return prediction


ALL = np.ones(SIZE, bool)
TRUTH = half(1, 2, 0.5)
RIGHT, WRONG = TRUTH.copy(), np.zeros(SIZE, np.uint8)


@pytest.mark.parametrize("seed", range(10))
def test_dice_is_the_macro_f1_of_two_libraries(seed):
    rng = np.random.default_rng(seed)
    answer = rng.integers(0, 4, (9, 12)).astype(np.uint8)
    prediction = np.where(rng.random(answer.shape) < 0.6, answer, rng.integers(0, 5, answer.shape)).astype(np.uint8)
    known = rng.random(answer.shape) < 0.7
    found = image_dice(prediction, np.where(known, answer, IGNORE).astype(np.uint8), 6)
    assert found == pytest.approx(f1_score(answer[known], prediction[known], average="macro"))
    pair = torch.from_numpy(prediction).long(), torch.from_numpy(np.where(known, answer, IGNORE)).long()
    by_class = multiclass_f1_score(*pair, num_classes=6, average="none", ignore_index=IGNORE)
    present = np.unique(np.concatenate([answer[known], prediction[known]])).tolist()
    assert found == pytest.approx(float(by_class[present].mean()))


def test_dice_by_hand():
    answer = np.array([[0, 0, 0, 1], [1, 1, 255, 255]], np.uint8)
    prediction = np.array([[0, 0, 1, 1], [1, 2, 3, 3]], np.uint8)
    # class 0: 2 * 2 / (3 + 2); class 1: 2 * 2 / (3 + 3); class 2: none of it right; class 3 lies outside
    assert image_dice(prediction, answer, 5) == pytest.approx((4 / 5 + 2 / 3 + 0) / 3)
    assert image_dice(prediction, np.full((2, 4), IGNORE, np.uint8), 5) is None


def test_the_whole_image_by_hand():
    answer = np.array([[0, 1, 255, 255, 255, 255]], np.uint8)
    prediction = np.array([[1, 1, 1, 0, 0, 2]], np.uint8)
    # as if the person had left the rest as it was: 0 1 1 0 0 2
    expected = (2 * 2 / (2 + 3) + 2 * 2 / (3 + 2) + 1) / 3
    assert image_dice(prediction, answer, 5, whole=True) == pytest.approx(expected)
    assert image_dice(prediction, answer, 5) == pytest.approx((0 + 2 / 3) / 2)
    assert image_dice(prediction, np.full((1, 6), IGNORE, np.uint8), 5, whole=True) is None


def test_the_paper_compares_whole_masks():
    corner = np.zeros(SIZE, bool)
    corner[:2, :2] = True
    wrong = np.where(corner, 3, TRUTH).astype(np.uint8)
    answers = [said("q", corner, TRUTH)]
    assert settle(answers, wrong, wrong).held == ("q",)
    assert settle(answers, wrong, wrong).dice == 0.0
    whole = settle(answers, wrong, wrong, pixels="image", threshold=0.6)
    assert whole.held == ()
    assert whole.dice == pytest.approx((1 + 2 * 36 / 76 + 0) / 3)


def test_a_smaller_prediction_is_spread_over_the_image():
    answer = np.arange(4, dtype=np.uint8).reshape(2, 2).repeat(3, 0).repeat(4, 1)
    assert image_dice(np.arange(4, dtype=np.uint8).reshape(2, 2), answer, 5) == 1.0


@pytest.mark.parametrize(
    ("gate", "at_ask", "latest", "accepted"),
    [
        ("agree", RIGHT, RIGHT, True),
        ("agree", RIGHT, WRONG, True),  # as it was accepted, it stays
        ("agree", WRONG, RIGHT, True),  # held, and tried again with a better model
        ("agree", WRONG, WRONG, False),
        ("disagree", RIGHT, RIGHT, False),
        ("disagree", RIGHT, WRONG, True),
        ("disagree", WRONG, RIGHT, True),  # training on it made the model agree: it stays
        ("disagree", WRONG, WRONG, True),
        ("off", WRONG, RIGHT, True),
        ("off", RIGHT, WRONG, True),
    ],
)
def test_which_images_go_in(gate, at_ask, latest, accepted):
    found = settle([said("q", ALL, TRUTH)], at_ask, latest, gate=gate)
    assert np.array_equal(found.label, TRUTH if accepted else np.full(SIZE, IGNORE))
    assert (found.provenance > 0).all() == accepted
    assert found.held == (() if accepted else ("q",))
    pair = image_dice(at_ask, TRUTH, 5), image_dice(latest, TRUTH, 5)
    assert found.dice == {"agree": max(pair), "disagree": min(pair), "off": None}[gate]


def test_the_threshold_is_crossed_not_met():
    at_ask = half(1, 2, 0.7)
    dice = image_dice(at_ask, TRUTH, 5)
    assert 0.5 < dice < 1
    for gate in ("agree", "disagree"):
        assert settle([said("q", ALL, TRUTH)], at_ask, at_ask, gate=gate, threshold=dice).held == ("q",)
    assert not settle([said("q", ALL, TRUTH)], at_ask, at_ask, threshold=dice - 1e-6).held
    assert not settle([said("q", ALL, TRUTH)], at_ask, at_ask, gate="disagree", threshold=dice + 1e-6).held


def test_only_answered_pixels_count():
    top = np.zeros(SIZE, bool)
    top[:4] = True
    at_ask = np.where(top, TRUTH, 0).astype(np.uint8)  # wrong where nobody looked
    assert settle([said("q", top, TRUTH)], at_ask, WRONG).dice == 1.0


def test_a_held_image_keeps_its_first_labels():
    left = np.zeros(SIZE, bool)
    left[:, :3] = True
    answers = [
        said("first", left, TRUTH, first=True),
        said("second", ~left, TRUTH),
        said("none", left, TRUTH, status=AnswerStatus.EXPIRED),
    ]
    found = settle(answers, WRONG, WRONG)
    assert found.held == ("second",)
    assert np.array_equal(found.label, np.where(left, TRUTH, IGNORE))
    assert np.array_equal(found.provenance > 0, left)
    assert np.array_equal(settle(answers, RIGHT, WRONG).label, TRUTH)


def test_what_was_asked_before_a_model_is_always_accepted():
    for gate in ("agree", "disagree"):
        for latest in (RIGHT, WRONG):
            first = settle([said("q", ALL, TRUTH, first=True)], RIGHT, latest, gate=gate)
            without = settle([said("q", ALL, TRUTH)], None, latest, gate=gate)
            for found in (first, without):
                assert np.array_equal(found.label, TRUTH)
                assert (found.held, found.dice) == ((), None)
    assert np.array_equal(settle([said("q", ALL, TRUTH)], WRONG, None).label, TRUTH)


def test_class_sets_are_not_judged():
    found = settle([said("q", ALL, TRUTH, kind=AnswerKind.CLASS_SET)], WRONG, WRONG)
    assert (found.held, found.dice, found.sets) == ((), None, ((0, 1),))


def test_evidence_of_other_images_is_refused():
    gate = settles.build(PartConfig(name="dice-gate"), None)
    with pytest.raises(SeglensError, match="not that of the images to settle"):
        gate.settle([AnsweredImage("b", SIZE, [])], Latest(RIGHT))


def test_a_round_once_accepted_is_not_judged_by_the_next_one():
    """An image asked about in two rounds: each round's answers stand or fall by the prediction of their own asking."""
    gate = settles.build(PartConfig(name="dice-gate"), None)
    top, bottom = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    top[:4], bottom[4:] = True, True
    early, late = said("q1", top, RIGHT), said("q2", bottom, RIGHT)
    late = replace(late, query=replace(late.query, round=2))
    image = AnsweredImage("a", SIZE, [early, late], {1: RIGHT, 2: WRONG})
    found = gate.settle([image], Latest(WRONG))[0]
    assert found.held == ("q2",)
    assert (found.label[:4] == RIGHT[:4]).all()
    assert (found.label[4:] == 255).all()


def test_it_reads_the_latest_prediction_from_real_evidence():
    world = make_world(2)
    gate = settles.build(PartConfig(name="dice-gate"), None)
    ev = world.evidence(world.ids, needs=gate.needs)
    size = world.native
    batch = []
    for index, id in enumerate(world.ids):
        answer = world.logits[id].argmax(0).numpy().astype(np.uint8).repeat(2, 0).repeat(2, 1)
        answer = answer if index == 0 else (answer + 1) % 5
        query = Query(id, 1, Region(id, size, encode(np.ones(size, bool)), "k", 0), AnswerKind.MASK, 0.5, Cost())
        said = Answer(id, AnswerStatus.ANSWERED, Cost(), Provenance.MACHINE, dense=answer.ravel().astype(np.uint8))
        batch.append(AnsweredImage(id, size, [Answered(query, said)], {1: np.zeros(world.size, np.uint8)}))
    right, wrong = gate.settle(batch, ev)
    assert (right.dice, right.held) == (1.0, ())
    assert wrong.held == (world.ids[1],)
    assert wrong.dice < 0.2
