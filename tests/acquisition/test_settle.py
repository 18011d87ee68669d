from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
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

SIZE = (12, 16)


def box(top, left, bottom, right, size=SIZE):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def said(mask, kind, classes=(), provenance=Provenance.SIMULATED, status=AnswerStatus.ANSWERED, **more):
    region = Region("a", mask.shape, encode(mask), "key", 0)
    query = Query("q", 1, region, kind, 0.5, Cost(1.0))
    return Answered(query, Answer("q", status, Cost(1.0), provenance, tuple(classes), **more))


def settle(*answers, name="as-answered", size=SIZE, ev=None, **params):
    part = settles.build(PartConfig(name=name, **params), None)
    return part.settle([AnsweredImage("a", size, answers)], ev)[0]


def test_a_dominant_class_is_the_whole_region():
    mask = box(2, 3, 7, 9)
    found = settle(said(mask, AnswerKind.DOMINANT_CLASS, [4]))
    assert np.array_equal(found.label, np.where(mask, 4, IGNORE))
    assert np.array_equal(found.provenance, np.where(mask, Provenance.SIMULATED, 0))
    assert found.regions is None


def test_a_dense_answer_is_its_pixels_and_void_stays_open():
    mask = box(0, 0, 2, 3) | box(5, 5, 6, 9)
    dense = np.array([0, 1, 2, 3, IGNORE, 1, 2, 2, 0, 0], np.uint8)
    found = settle(said(mask, AnswerKind.DENSE, dense=dense))
    assert np.array_equal(found.label[mask], dense)
    assert (found.label[~mask] == IGNORE).all()
    assert (found.provenance[mask] == np.where(dense == IGNORE, 0, Provenance.SIMULATED)).all()


def test_a_drawn_mask_is_its_pixels_as_a_dense_answer_is():
    mask = box(0, 0, 2, 3)
    dense = np.array([0, 1, 2, 3, IGNORE, 1], np.uint8)
    drawn = settle(said(mask, AnswerKind.MASK, dense=dense))
    assert np.array_equal(drawn.label, settle(said(mask, AnswerKind.DENSE, dense=dense)).label)
    assert np.array_equal(drawn.label[mask], dense)


def test_a_point_is_its_cell_within_the_region():
    found = settle(said(box(0, 0, 12, 6), AnswerKind.POINT, [2], point=(5, 5)))
    assert np.array_equal(found.label == 2, box(4, 4, 8, 6))


def test_a_class_set_is_kept_as_a_set_where_no_class_is():
    found = settle(
        said(box(0, 0, 4, 4), AnswerKind.DOMINANT_CLASS, [1]),
        said(box(0, 0, 4, 8), AnswerKind.CLASS_SET, [1, 3]),
        said(box(0, 8, 4, 12), AnswerKind.CLASS_SET, [2]),
        said(box(2, 6, 4, 8), AnswerKind.DOMINANT_CLASS, [3]),
    )
    assert found.sets == ((1, 3),)
    expected = box(0, 4, 4, 8) & ~box(2, 6, 4, 8)
    assert np.array_equal(found.regions, np.where(expected, 0, -1))
    assert (found.label[expected] == IGNORE).all()
    assert (found.provenance[expected] == Provenance.SIMULATED).all()
    assert (found.label[box(0, 8, 4, 12)] == 2).all()


def test_the_later_answer_holds():
    found = settle(
        said(box(0, 0, 4, 8), AnswerKind.DOMINANT_CLASS, [1]), said(box(0, 4, 4, 12), AnswerKind.DOMINANT_CLASS, [2])
    )
    assert (found.label[box(0, 0, 4, 4)] == 1).all()
    assert (found.label[box(0, 4, 4, 12)] == 2).all()


def test_a_persons_label_stays():
    found = settle(
        said(box(0, 0, 4, 8), AnswerKind.DOMINANT_CLASS, [1], Provenance.PERSON),
        said(box(0, 4, 4, 12), AnswerKind.DOMINANT_CLASS, [2], Provenance.PERSON),
        said(box(0, 0, 4, 12), AnswerKind.CLASS_SET, [2, 3]),
    )
    assert (found.label[box(0, 0, 4, 8)] == 1).all()
    assert (found.label[box(0, 8, 4, 12)] == 2).all()
    assert (found.regions == -1).all()


@pytest.mark.parametrize("status", [s for s in AnswerStatus if s is not AnswerStatus.ANSWERED])
def test_anything_but_an_answer_paints_nothing(status):
    found = settle(said(box(0, 0, 4, 4), AnswerKind.DOMINANT_CLASS, [1], status=status))
    assert (found.label == IGNORE).all()
    assert (found.provenance == 0).all()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (said(box(0, 0, 2, 2), AnswerKind.DENSE), "expected 4 dense pixels, found none"),
        (said(box(0, 0, 2, 2), AnswerKind.DENSE, dense=np.zeros(3, np.uint8)), "expected 4 dense pixels, found 3"),
        (said(box(0, 0, 2, 2), AnswerKind.DOMINANT_CLASS, [1, 2]), "expected one class, found 2"),
        (said(box(0, 0, 2, 2), AnswerKind.POINT, [1]), "without its point"),
        (said(box(0, 0, 2, 2), AnswerKind.VERDICT, [1]), "cannot read answers of kind 'verdict'"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answer, message):
    with pytest.raises(SeglensError, match=message):
        settle(answer)


# -- sieve -----------------------------------------------------------------------------------------------------------


def seen(confidence, classes=5, answered=1):
    """Evidence of one image whose probability for a class is ``confidence`` (h, w)."""
    world = make_world(1, native=SIZE, size=confidence.shape)
    rest = (1 - confidence) / (classes - 1)
    probs = torch.from_numpy(np.stack([confidence if c == answered else rest for c in range(classes)]))
    world.logits[world.ids[0]] = probs.clamp_min(1e-9).log().float()
    ev = world.evidence(world.ids, needs=frozenset({"probs"}))
    ev.ids = ["a"]
    return ev


def two_parts(size=SIZE):
    """Confidence 0.9 in all but the first three columns, 0.1 there, rising a little so that no two are equal."""
    place = np.arange(size[0] * size[1]).reshape(size) / (size[0] * size[1])
    return np.where(np.arange(size[1]) < 3 * size[1] / 16, 0.1, 0.9) + 0.02 * place


def test_the_sieve_drops_what_the_model_does_not_see():
    mask = box(1, 0, 11, 14)
    found = settle(said(mask, AnswerKind.DOMINANT_CLASS, [1]), name="sieve", ev=seen(two_parts()))
    assert (found.label[box(1, 0, 11, 3)] == IGNORE).all()
    assert (found.provenance[found.label == IGNORE] == 0).all()
    assert (found.label[box(1, 3, 11, 14)] == 1).mean() > 0.95
    assert (found.label[~mask] == IGNORE).all()


def test_small_regions_stay_whole():
    answer = said(box(0, 0, 4, 7), AnswerKind.DOMINANT_CLASS, [1])  # 28 pixels at the model's size
    assert (settle(answer, name="sieve", ev=seen(two_parts())).label == 1).sum() == 28
    assert (settle(answer, name="sieve", ev=seen(two_parts()), min_pixels=28).label == 1).sum() < 28


def test_size_is_counted_at_the_models_size():
    answer = said(box(0, 0, 8, 14), AnswerKind.DOMINANT_CLASS, [1])  # 112 native pixels, 28 of the model's
    ev = seen(two_parts((6, 8)))
    assert (settle(answer, name="sieve", ev=ev).label == 1).sum() == 112
    dropped = settle(answer, name="sieve", ev=ev, min_pixels=28).label[:8, :14] == IGNORE
    assert 0 < dropped.sum() < 112
    assert np.array_equal(dropped[::2, ::2].repeat(2, 0).repeat(2, 1), dropped)  # whole pixels of the model


def test_other_answers_pass_whole():
    dense = np.full(168, 1, np.uint8)
    for answer in (
        said(box(0, 0, 12, 14), AnswerKind.DENSE, dense=dense),
        said(box(0, 0, 12, 14), AnswerKind.POINT, [1], point=(5, 1)),
    ):
        plain = settle(answer)
        assert np.array_equal(settle(answer, name="sieve", ev=seen(two_parts()), min_pixels=2).label, plain.label)


@pytest.mark.parametrize("low", [0.05, 0.6])
def test_what_is_merely_less_certain_stays(low):
    confidence = two_parts() - 0.1 + low * (two_parts() < 0.5)  # columns of ``low`` beside columns of 0.8
    answer = said(box(0, 0, 12, 16), AnswerKind.DOMINANT_CLASS, [1])
    whole = (settle(answer, name="sieve", ev=seen(confidence)).label == 1).all()
    assert whole == (low > 0.4)
    assert (settle(answer, name="sieve", ev=seen(confidence), contrast=9).label == IGNORE).any()


def test_a_region_that_the_model_does_not_see_stays_whole():
    confidence = 0.02 + 0.005 * np.random.default_rng(0).random(SIZE)
    answer = said(box(0, 0, 12, 16), AnswerKind.DOMINANT_CLASS, [1])
    assert (settle(answer, name="sieve", ev=seen(confidence)).label == 1).all()


def test_a_region_never_loses_all_its_pixels():
    for seed in range(30):
        confidence = np.random.default_rng(seed).beta(0.3, 3, (9, 10))
        answer = said(box(0, 0, 12, 16), AnswerKind.DOMINANT_CLASS, [1])
        found = settle(answer, name="sieve", ev=seen(confidence), min_pixels=2)
        assert (found.label == 1).any()


def test_an_even_region_stays_whole():
    answer = said(box(0, 0, 12, 16), AnswerKind.DOMINANT_CLASS, [1])
    assert (settle(answer, name="sieve", ev=seen(np.full(SIZE, 0.3))).label == 1).all()


def test_evidence_of_other_images_is_refused():
    ev = seen(two_parts())
    ev.ids = ["b"]
    with pytest.raises(SeglensError, match="not that of the images"):
        settle(said(box(0, 0, 9, 9), AnswerKind.DOMINANT_CLASS, [1]), name="sieve", ev=ev)


# -- trimmed ---------------------------------------------------------------------------------------------------------


def test_the_border_of_a_region_is_dropped_but_not_at_the_images_edge():
    found = settle(said(box(0, 2, 9, 14), AnswerKind.DOMINANT_CLASS, [1]), name="trimmed", pixels=2)
    assert np.array_equal(found.label == 1, box(0, 4, 7, 12))
    assert np.array_equal(found.provenance > 0, box(0, 4, 7, 12))


def test_narrow_regions_lose_less_and_never_everything():
    for height, rows in ((4, (1, 3)), (2, (0, 2)), (1, (0, 1))):
        found = settle(said(box(4, 4, 4 + height, 12), AnswerKind.DOMINANT_CLASS, [1]), name="trimmed", pixels=2)
        left = 1 if height == 4 else 0
        assert np.array_equal(found.label == 1, box(4 + rows[0], 4 + left, 4 + rows[1], 12 - left))


def test_class_sets_are_trimmed_and_drawn_answers_are_not():
    mask = box(2, 2, 8, 10)
    found = settle(said(mask, AnswerKind.CLASS_SET, [1, 2]), name="trimmed", pixels=1)
    assert found.sets == ((1, 2),)
    assert np.array_equal(found.regions == 0, box(3, 3, 7, 9))
    for kind in (AnswerKind.DENSE, AnswerKind.MASK):
        found = settle(said(mask, kind, dense=np.full(mask.sum(), 3, np.uint8)), name="trimmed")
        assert np.array_equal(found.label == 3, mask)
    point = said(mask, AnswerKind.POINT, [4], point=(3, 3))
    assert np.array_equal(settle(point, name="trimmed").label, settle(point).label)


def test_the_sieve_takes_the_border_first_with_and_without_a_model():
    answer = said(box(1, 1, 11, 14), AnswerKind.DOMINANT_CLASS, [1])
    bare = settle(answer, name="sieve", border=1).label
    assert np.array_equal(bare == 1, box(2, 2, 10, 13))
    sieved = settle(answer, name="sieve", ev=seen(two_parts()), border=1).label
    assert ((sieved == 1) <= box(2, 2, 10, 13)).all()
    assert (sieved[2:10, 2] == IGNORE).all()
    assert (sieved[2:10, 4:13] == 1).mean() > 0.95
    flat = seen(np.full(SIZE, 0.3))
    assert np.array_equal(settle(answer, name="sieve", ev=flat, border=1).label, bare)
