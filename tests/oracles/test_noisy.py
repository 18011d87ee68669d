from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from arrays import CLASSES, ArrayLabels
from scipy import ndimage

import seglens.oracles  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.functional.run_lengths import encode
from seglens.oracles.noisy import noisy_mask
from seglens.protocols import AskContext
from seglens.registry import oracles
from seglens.types import (
    IGNORE,
    AnswerKind,
    AnswerStatus,
    Chance,
    ClassTable,
    Cost,
    Provenance,
    Query,
    Region,
    SeglensError,
)

SIZE = (24, 32)
EVEN = ClassTable(CLASSES.names[:4], CLASSES.colors[:4])
KINDS = [kind for kind in AnswerKind if kind is not AnswerKind.VERDICT]


def checks(seed, classes=4, size=(40, 60)):
    """A mask of single pixels, each a segment of its own: no neighbour has its class."""
    y, x = np.divmod(np.arange(size[0] * size[1]).reshape(size), size[1])
    rng = np.random.default_rng(seed)
    half = classes // 2
    return np.where((y + x) % 2, rng.integers(0, half, size), half + rng.integers(0, half, size)).astype(np.uint8)


def blobs(seed, size=SIZE, classes=5):
    rng = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(rng.normal(size=(classes, *size)), (0, 2, 2)).argmax(0).astype(np.uint8)
    truth[:2, :9] = IGNORE
    return truth


def grid(image, size=SIZE, side=8):
    """A region for each square."""
    found = []
    for y in range(0, size[0], side):
        for x in range(0, size[1], side):
            mask = np.zeros(size, bool)
            mask[y : y + side, x : x + side] = True
            found.append(Region(image, size, encode(mask), "grid", len(found)))
    return found


def questions(truths, kind, round=1):
    return [
        Query(f"{image}#{region.index}@{round}", round, region, kind, 0.5, Cost(1.0))
        for image in truths
        for region in grid(image)
    ]


def answers(queries, truths, classes=CLASSES, name="noisy", seed=0, **params):
    oracle = oracles.build(PartConfig(name=name, **params), None)
    oracle.submit(queries, AskContext(classes, ArrayLabels(truths), None, Chance((seed, "ask"))))
    return {answer.query: answer for answer in oracle.collect()}


def painted(queries, found):
    """Dense answers put together, by image."""
    masks = {}
    for query in queries:
        mask = masks.setdefault(query.image, np.full(query.region.size, IGNORE, np.uint8))
        dense = found[query.id].dense
        for start, length in query.region.runs:
            mask.ravel()[start : start + length] = IGNORE if dense is None else dense[:length]
            dense = None if dense is None else dense[length:]
    return masks


def within(count, n, p, deviations=4):
    return abs(count - n * p) <= deviations * sqrt(n * p * (1 - p)) + 1e-9


@pytest.mark.parametrize("fraction", [0.2, 0.4, 0.6])
def test_the_share_of_wrong_segments_and_its_mix_are_those_asked_for(fraction):
    truth = checks(0)
    n = truth.size
    segments = sum(ndimage.label(truth == c)[1] for c in range(4))
    assert segments == n
    noisy = noisy_mask(truth, 4, fraction, "mixed", Chance((0,)))
    wrong = noisy != truth
    assert within(wrong.sum(), n, fraction)
    k = int(wrong.sum())
    assert within((noisy == IGNORE).sum(), k, 0.5)
    # symmetric mistakes, and a third of the asymmetric ones among four classes
    assert within((wrong & (noisy == 3 - truth)).sum(), k, 0.25 + 0.25 / 3)
    assert within((wrong & (noisy != IGNORE) & (noisy != 3 - truth)).sum(), k, 0.25 * 2 / 3)


def test_each_kind_alone_does_what_it_says():
    truth = checks(1)
    chance = Chance((3,))
    symmetric = noisy_mask(truth, 4, 0.5, "symmetric", chance)
    wrong = symmetric != truth
    assert within(wrong.sum(), truth.size, 0.5)
    assert (symmetric[wrong] == 3 - truth[wrong]).all()
    missing = noisy_mask(truth, 4, 0.5, "missing", chance)
    assert np.array_equal(missing != truth, wrong)  # which are wrong does not hang on how
    assert (missing[wrong] == IGNORE).all()
    asymmetric = noisy_mask(truth, 4, 0.5, "asymmetric", chance)
    assert np.array_equal(asymmetric != truth, wrong)
    for c in range(4):  # every other class alike
        of = asymmetric[wrong & (truth == c)]
        assert all(within((of == other).sum(), len(of), 1 / 3) for other in range(4) if other != c)


def test_a_segment_is_one_component_of_one_class_and_is_wrong_as_a_whole():
    truth = blobs(5, (60, 80))
    noisy = noisy_mask(truth, 5, 0.5, "mixed", Chance((1,)))
    assert (noisy[truth == IGNORE] == IGNORE).all()
    changed = set()
    for c in range(5):
        parts, count = ndimage.label(truth == c)
        for part in range(1, count + 1):
            (said,) = np.unique(noisy[parts == part])
            changed.add((c, part, said != c))
    assert {wrong for _, _, wrong in changed} == {True, False}


@pytest.mark.parametrize("classes", [2, 5, 19])
@pytest.mark.parametrize("kind", ["mixed", "symmetric", "missing", "asymmetric"])
def test_no_class_is_out_of_range(classes, kind):
    truth = np.random.default_rng(2).integers(0, classes, (30, 40)).astype(np.uint8)
    noisy = noisy_mask(truth, classes, 1.0, kind, Chance((2,)))
    assert noisy.dtype == np.uint8
    assert ((noisy < classes) | (noisy == IGNORE)).all()
    right = noisy == truth
    if kind == "symmetric":  # the middle class of an odd number stays as it is
        assert np.array_equal(right, truth == classes - 1 - truth)
    else:
        assert not right[truth != classes - 1 - truth].any()


def test_what_is_wrong_at_a_low_fraction_is_wrong_at_a_higher_one():
    truth = checks(4)
    low, high = (noisy_mask(truth, 4, fraction, "mixed", Chance((0,))) for fraction in (0.2, 0.6))
    assert np.array_equal(high[low != truth], low[low != truth])


@pytest.mark.parametrize("kind", KINDS)
def test_at_fraction_zero_the_answers_are_those_of_simulated(kind):
    truths = {f"town/{n}": blobs(n) for n in range(3)}
    queries = questions(truths, kind)
    noisy = answers(queries, truths, fraction=0.0, set_share=0.1, contour_tolerance=2.0)
    plain = answers(queries, truths, name="simulated", set_share=0.1, contour_tolerance=2.0)
    assert list(noisy) == list(plain) == [query.id for query in queries]
    for id, answer in plain.items():
        assert noisy[id].cost == answer.cost
        assert (noisy[id].status, noisy[id].classes, noisy[id].point) == (answer.status, answer.classes, answer.point)
        assert noisy[id].provenance is Provenance.SIMULATED
        assert np.array_equal(noisy[id].dense, answer.dense) if answer.dense is not None else noisy[id].dense is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_segment_is_wrong_in_the_same_way_whatever_the_order_the_batch_and_the_round(kind):
    truths = {f"town/{n}": blobs(n) for n in range(3)}
    queries = questions(truths, kind)
    whole = answers(queries, truths, fraction=0.5)
    shuffled = [queries[i] for i in np.random.default_rng(0).permutation(len(queries))]
    back = answers(shuffled, truths, fraction=0.5)
    assert list(back) == [query.id for query in shuffled]
    later = answers(questions(truths, kind, round=4), truths, fraction=0.5)
    oracle = oracles.build(PartConfig(name="noisy", fraction=0.5), None)
    for n, query in enumerate(queries):
        oracle.submit([query], AskContext(CLASSES, ArrayLabels(truths), None, Chance((0, "ask"))))
        (alone,) = oracle.collect()
        for again in (alone, back[query.id], list(later.values())[n]):
            assert again.classes == whole[query.id].classes
            assert again.cost == whole[query.id].cost
            assert np.array_equal(again.dense, whole[query.id].dense) or again.dense is whole[query.id].dense
    plain = answers(queries, truths, name="simulated")
    assert any(
        plain[id].classes != a.classes or not np.array_equal(plain[id].dense, a.dense) for id, a in whole.items()
    )


def test_other_seeds_and_other_images_have_other_mistakes():
    truth = blobs(0)
    truths = {"a": truth, "b": truth}
    queries = questions(truths, AnswerKind.DENSE)
    one, two = (painted(queries, answers(queries, truths, fraction=0.5, seed=seed)) for seed in (0, 1))
    assert not np.array_equal(one["a"], one["b"])
    assert not np.array_equal(one["a"], two["a"])


def test_dense_answers_are_the_noisy_mask_and_a_person_is_paid_for_the_true_drawing():
    truths = {"a": blobs(7)}
    queries = questions(truths, AnswerKind.DENSE)
    found = answers(queries, truths, fraction=0.6)
    plain = answers(queries, truths, name="simulated")
    noisy = noisy_mask(truths["a"], 5, 0.6, "mixed", Chance((0, "ask", "noise", "a")))
    assert np.array_equal(painted(queries, found)["a"], noisy)
    for id, answer in found.items():
        assert answer.cost == plain[id].cost
    assert any((answer.dense == IGNORE).any() for answer in found.values() if answer.dense is not None)


def test_what_is_wholly_missing_is_void_and_paid():
    truths = {"a": np.full(SIZE, 2, np.uint8)}
    truths["a"][:, 16:] = 1
    for kind in KINDS:
        queries = questions(truths, kind)
        plain = answers(queries, truths, name="simulated")
        for id, answer in answers(queries, truths, fraction=1.0, kind="missing").items():
            assert answer.status is AnswerStatus.VOID
            assert answer.cost == plain[id].cost


def test_a_named_class_is_that_of_the_noisy_pixels():
    truths = {"a": np.zeros(SIZE, np.uint8)}
    truths["a"][:, 16:] = 3
    for kind in (AnswerKind.DOMINANT_CLASS, AnswerKind.POINT, AnswerKind.CLASS_SET):
        queries = questions(truths, kind)
        found = answers(queries, truths, EVEN, fraction=1.0, kind="symmetric")
        assert [found[q.id].classes for q in queries] == [(3,) if q.region.index % 4 < 2 else (0,) for q in queries]


def test_what_cannot_be_answered_is_refused():
    queries = questions({"a": None}, AnswerKind.DENSE)
    oracle = oracles.build(PartConfig(name="noisy"), None)
    with pytest.raises(SeglensError, match="ask 'noisy': the data has no labels to answer from"):
        oracle.submit(queries, AskContext(CLASSES, None, None, Chance((0, "ask"))))
    with pytest.raises(SeglensError, match="'a': size 9 x 9, expected 24 x 32"):
        oracle.submit(queries, AskContext(CLASSES, ArrayLabels({"a": np.zeros((9, 9), np.uint8)}), None, Chance((0,))))
    with pytest.raises(SeglensError, match=r"fraction.*1\.5"):
        oracles.build(PartConfig(name="noisy", fraction=1.5), None)
