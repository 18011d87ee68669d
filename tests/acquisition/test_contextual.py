from __future__ import annotations

import numpy as np
import pytest
import torch

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.settle.contextual import _stratified
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

NATIVE, MODEL, STRIDE = (96, 128), (48, 64), 4
COLUMNS = (12, 16)
TRUTH = np.repeat((np.arange(128) >= 64)[None], 96, 0).astype(np.uint8)
"""Class 0 left, class 1 right."""


def box(top, left, bottom, right):
    mask = np.zeros(NATIVE, bool)
    mask[top:bottom, left:right] = True
    return mask


WINDOW = box(32, 32, 64, 96)


def said(
    mask, kind=AnswerKind.DENSE, classes=(), provenance=Provenance.SIMULATED, status=AnswerStatus.ANSWERED, **more
):
    query = Query("q", 1, Region("a", NATIVE, encode(mask), "key", 0), kind, 0.5, Cost(1.0))
    if kind is AnswerKind.DENSE and status is AnswerStatus.ANSWERED:
        more = {"dense": TRUTH[mask], **more}
    return Answered(query, Answer("q", status, Cost(1.0), provenance, tuple(classes), **more))


class Halves:
    """What a network says of an image of two halves: their features are orthogonal, and so it predicts them."""

    ids = ("a",)

    def __init__(self, features=None, probs=None, sure=0.99):
        right = torch.arange(COLUMNS[1]) >= 8
        self.map = torch.stack([~right, right]).float()[:, None].expand(2, *COLUMNS) if features is None else features
        two = torch.nn.functional.one_hot(torch.from_numpy(TRUTH[::2, ::2]).long(), 3).permute(2, 0, 1)
        self.probs = (two * sure + (1 - two) * (1 - sure) / 2 if probs is None else probs)[None]

    def features(self, tap):
        assert tap == "stride-4"
        return self.map[None]


def settle(*answers, ev=None, **params):
    part = settles.build(PartConfig(name="contextual", **params), None)
    return part.settle([AnsweredImage("a", NATIVE, answers)], ev or Halves())[0]


def test_labels_reach_what_resembles_them_nearby():
    found = settle(said(WINDOW), radius=1 / 16, temperature=20.0)
    extended = found.provenance == Provenance.EXTENDED
    assert np.array_equal(found.provenance == Provenance.SIMULATED, WINDOW)
    # a sixteenth of the height is three quarters of a column, taken as one: 8 native pixels around the window
    assert np.array_equal(extended, box(24, 24, 72, 104) & ~WINDOW)
    assert np.array_equal(found.label[extended], TRUTH[extended])
    assert np.array_equal(found.label[WINDOW], TRUTH[WINDOW])
    wide = settle(said(WINDOW), radius=1.0, temperature=20.0)
    assert np.array_equal(wide.label, TRUTH)


@pytest.mark.parametrize(
    ("params", "ev"),
    [
        ({"accept": 1.0}, Halves()),  # a softmax gives no class everything
        ({"temperature": 0.1}, Halves()),
        ({}, Halves(sure=0.69)),
        ({}, Halves(probs=Halves().probs[0].roll(1, 0))),
        ({}, Halves(features=torch.ones(2, *COLUMNS))),
    ],
    ids=["no class has it all", "flat attention", "an unsure model", "a model of another mind", "all alike"],
)
def test_what_is_not_sure_stays_open(params, ev):
    found = settle(said(WINDOW), ev=ev, **{"temperature": 20.0, **params})
    assert np.array_equal(found.provenance > 0, WINDOW)


def test_the_paper_does_not_ask_the_model():
    other = Halves(probs=Halves().probs[0].roll(1, 0))
    found = settle(said(WINDOW), ev=other, agree=False, accept=0.0, radius=1.0, temperature=20.0)
    assert (found.provenance > 0).all()
    assert (found.label == TRUTH).mean() > 0.95


@pytest.mark.parametrize("status", [s for s in AnswerStatus if s is not AnswerStatus.ANSWERED])
def test_where_a_person_said_anything_nothing_is_extended(status):
    beside = box(32, 96, 64, 112)
    found = settle(said(WINDOW), said(beside, AnswerKind.DOMINANT_CLASS, status=status), temperature=20.0)
    reached = found.provenance[beside] == Provenance.EXTENDED
    assert reached.any() == (status is AnswerStatus.EXPIRED)


def test_void_pixels_inside_an_answer_stay_void():
    dense = TRUTH[WINDOW].copy()
    dense[:200] = IGNORE
    found = settle(said(WINDOW, dense=dense), radius=1.0, temperature=20.0)
    assert np.array_equal(found.label[WINDOW], dense)
    assert (found.provenance == Provenance.EXTENDED).any()


def test_peoples_labels_are_keys_and_machines_are_not():
    for provenance in (Provenance.PERSON, Provenance.SIMULATED):
        assert (settle(said(WINDOW, provenance=provenance), temperature=20.0).provenance == Provenance.EXTENDED).any()
    found = settle(said(WINDOW, provenance=Provenance.MACHINE), temperature=20.0)
    assert np.array_equal(found.provenance == Provenance.MACHINE, WINDOW)
    assert not (found.provenance == Provenance.EXTENDED).any()


def test_class_sets_points_and_dominant_classes_are_answers_like_others():
    beside, far = box(32, 96, 64, 112), box(88, 0, 96, 8)
    found = settle(
        said(box(32, 64, 64, 96), AnswerKind.DOMINANT_CLASS, [1]),
        said(beside, AnswerKind.CLASS_SET, [0, 1]),
        said(far, AnswerKind.POINT, [0], point=(90, 2)),
        temperature=20.0,
        radius=0.5,
    )
    assert found.sets == ((0, 1),)
    assert found.regions is not None
    assert (found.regions[beside] == 0).all()
    assert (found.label[beside] == IGNORE).all()
    assert (found.provenance[beside] == Provenance.SIMULATED).all()
    extended = found.provenance == Provenance.EXTENDED
    assert extended.any()
    assert (found.label[extended] == 1).all()
    assert (found.regions[extended] == -1).all()
    assert (found.provenance == Provenance.SIMULATED)[far].sum() == 16


def test_a_point_alone_has_no_whole_patch_to_compare():
    found = settle(said(box(88, 0, 96, 8), AnswerKind.POINT, [0], point=(90, 2)), radius=1.0, accept=0.0, agree=False)
    assert (found.provenance > 0).sum() == 16


def test_other_evidence_is_refused():
    part = settles.build(PartConfig(name="contextual"), None)
    with pytest.raises(SeglensError, match="not that of the images"):
        part.settle([AnsweredImage("b", NATIVE, [said(WINDOW)])], Halves())


def test_an_image_answered_wholly_is_left_alone():
    found = settle(said(np.ones(NATIVE, bool)), radius=1.0)
    assert (found.provenance == Provenance.SIMULATED).all()


# -- against a plain loop --------------------------------------------------------------------------------------------


def by_loop(label, said_at, features, probs, native, radius, accept, model, temperature):
    """Extended classes, (H, W), pixel by pixel and column by column; IGNORE where nothing is."""
    (height, width), size = native, probs.shape[1:]
    rows, across = -(-size[0] // STRIDE), -(-size[1] // STRIDE)

    def pixel(y, x):
        return (2 * y + 1) * size[0] // (2 * height), (2 * x + 1) * size[1] // (2 * width)

    inside = {(i, j): [] for i in range(rows) for j in range(across)}
    for y in range(height):
        for x in range(width):
            v, u = pixel(y, x)
            inside[v // STRIDE, u // STRIDE].append((y, x))
    named = {}
    for column, members in inside.items():
        classes = [int(label[place]) for place in members if label[place] != IGNORE]
        if 2 * len(classes) >= len(members):
            named[column] = max(sorted(set(classes)), key=classes.count)

    def patch(i, j):
        around = [(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        parts = [features[:, a, b] if (a, b) in inside else np.zeros(len(features)) for a, b in around]
        vector = np.stack(parts, 1).ravel().astype(np.float64)
        return vector / max(np.linalg.norm(vector), 1e-4)

    around = {(i, j): [(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)] for i, j in inside}
    keys = [c for c in named if all(n in named for n in around[c] if n in inside)]
    reach = max(1, round(radius * size[0] / STRIDE))
    found = np.full(native, IGNORE, np.uint8)
    for (i, j), members in inside.items():
        if all(said_at[place] for place in members):
            continue
        if not any(max(abs(i - a), abs(j - b)) <= reach for a, b in named):
            continue
        weights = np.exp([temperature * patch(i, j) @ patch(*key) for key in keys])
        shares = {c: sum(w for w, key in zip(weights, keys, strict=True) if named[key] == c) for c in named.values()}
        best = max(shares, key=lambda c: shares[c])
        if shares[best] < accept * weights.sum():
            continue
        for place in members:
            own = probs[:, *pixel(*place)]
            if not said_at[place] and own.argmax() == best and own.max() >= model:
                found[place] = best
    return found


@pytest.mark.parametrize("seed", range(6))
def test_extension_is_that_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    native, size, padded = (61, 83), (38, 45), (16, 16)  # nothing divides anything; features reach into the padding
    blobs = np.kron(rng.integers(0, 3, (4, 4)), np.ones((16, 21))).astype(np.uint8)[:61, :83]
    features = np.kron(rng.normal(size=(6, 4, 4)), np.ones((1, 4, 4))) + rng.normal(0, 0.3, (6, *padded))
    probs = torch.from_numpy(rng.normal(0, 3, (3, *size))).softmax(0)
    label = np.full(native, IGNORE, np.uint8)
    answers = []
    for top, left in ((5, 7), (30, 40)):
        mask = np.zeros(native, bool)
        mask[top : top + 25, left : left + 30] = True
        query = Query("q", 1, Region("a", native, encode(mask), "key", 0), AnswerKind.DENSE, 0.5, Cost())
        answers.append(
            Answered(query, Answer("q", AnswerStatus.ANSWERED, Cost(), Provenance.PERSON, dense=blobs[mask]))
        )
        label[mask] = blobs[mask]
    ev = Halves(torch.from_numpy(features).float(), probs.float())
    params = {"radius": 0.2, "accept": 0.5, "model": 0.6, "temperature": 8.0}
    part = settles.build(PartConfig(name="contextual", **params), None)
    found = part.settle([AnsweredImage("a", native, answers)], ev)[0]
    expected = by_loop(label, label != IGNORE, features[:, :10, :12], probs.numpy(), native, *params.values())
    assert (expected != IGNORE).sum() > 50
    extended = found.provenance == Provenance.EXTENDED
    assert np.array_equal(np.where(extended, found.label, IGNORE), expected)


@pytest.mark.parametrize("seed", range(20))
def test_keys_are_shared_out_over_the_classes(seed):
    rng = np.random.default_rng(seed)
    classes = rng.choice(5, 300, p=[0.7, 0.2, 0.06, 0.03, 0.01])
    most = int(rng.integers(5, 320))
    kept = _stratified(classes, most)
    assert len(kept) == min(most, 300) == len(set(kept.tolist()))
    before, after = (np.bincount(values, minlength=5) for values in (classes, classes[kept]))
    for few in range(5):  # no class gives way to one that keeps more
        assert after[few] == before[few] or after[few] >= after.max() - 1
    assert np.array_equal(kept, _stratified(classes, most))
