from __future__ import annotations

import numpy as np
import pytest
from arrays import make_world

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.functional.native import to_native
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


@pytest.fixture(scope="module")
def world():
    return make_world(2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def part(world, folder, **params):
    return settles.build(PartConfig(name="grown", segments=20, **params), world.context(folder))


def cell(world, y, x):
    mask = np.zeros(world.native, bool)
    mask[y // 4 * 4 : y // 4 * 4 + 4, x // 4 * 4 : x // 4 * 4 + 4] = True
    return mask


def said(mask, kind, classes=(), provenance=Provenance.SIMULATED, status=AnswerStatus.ANSWERED, **more):
    query = Query("q", 1, Region("a", mask.shape, encode(mask), "key", 0), kind, 0.5, Cost(1.0))
    return Answered(query, Answer("q", status, Cost(1.0), provenance, tuple(classes), **more))


def settle(world, folder, *answers, **params):
    id = world.ids[0]
    grown = part(world, folder, **params)
    found = grown.settle([AnsweredImage(id, world.native, answers)], world.evidence([id]))[0]
    return found, grown.superpixels.labels(id)


def seen(world):
    """Predicted class and its probability at native pixels."""
    probs = world.logits[world.ids[0]].softmax(0)
    return to_native(probs.argmax(0).numpy(), world.native), to_native(probs.amax(0).numpy(), world.native)


@pytest.mark.parametrize("accept", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("kind", [AnswerKind.POINT, AnswerKind.DOMINANT_CLASS])
def test_an_answer_grows_over_its_superpixel_where_the_model_agrees(world, folder, accept, kind):
    predicted, confidence = seen(world)
    mask = cell(world, 20, 30)
    named = int(predicted[21, 31])
    answer = said(mask, kind, [named], point=(21, 31) if kind is AnswerKind.POINT else None)
    found, superpixels = settle(world, folder, answer, accept=accept)
    middle = (21, 31) if kind is AnswerKind.POINT else (21, 29)  # the first of the four pixels in the middle
    inside = superpixels == superpixels[middle]
    expected = inside & (predicted == named) & (confidence >= accept) & ~mask
    assert np.array_equal(found.provenance == Provenance.EXTENDED, expected)
    assert (accept == 1.0) == (not expected.any())
    assert np.array_equal(found.label != IGNORE, expected | mask)
    assert set(found.label[expected | mask].tolist()) == {named}
    assert (found.provenance[mask] == Provenance.SIMULATED).all()


def test_two_answers_in_a_superpixel_grow_where_each_is_seen(world, folder):
    predicted, _ = seen(world)
    superpixels = part(world, folder).superpixels.labels(world.ids[0])
    mixed = next(s for s in range(20) if len(np.unique(predicted[superpixels == s])) > 1)
    classes, counts = np.unique(predicted[superpixels == mixed], return_counts=True)
    pair = classes[np.argsort(-counts)[:2]].tolist()
    spots = np.argwhere(superpixels == mixed)[[0, -1]].tolist()
    answers = [
        said(cell(world, *at), AnswerKind.POINT, [c], point=tuple(at)) for at, c in zip(spots, pair, strict=True)
    ]
    found, _ = settle(world, folder, *answers, accept=0.0)
    new = found.provenance == Provenance.EXTENDED
    assert set(np.unique(found.label[new])) == set(pair)
    assert np.array_equal(found.label[new], predicted[new])
    assert (superpixels[new] == mixed).all()


@pytest.mark.parametrize("status", [AnswerStatus.VOID, AnswerStatus.UNSURE])
def test_what_a_person_said_anything_of_is_left_as_it_is(world, folder, status):
    predicted, _ = seen(world)
    point = said(cell(world, 20, 30), AnswerKind.POINT, [int(predicted[21, 31])], point=(21, 31))
    alone, superpixels = settle(world, folder, point, accept=0.0)
    beside = superpixels == superpixels[21, 31]
    beside[::2] = False
    found, _ = settle(world, folder, point, said(beside, AnswerKind.DOMINANT_CLASS, status=status), accept=0.0)
    assert (alone.provenance[beside] == Provenance.EXTENDED).any()
    assert not (found.provenance[beside & ~cell(world, 20, 30)]).any()


def test_sets_and_machines_do_not_grow(world, folder):
    predicted, _ = seen(world)
    named = int(predicted[21, 31])
    for answer in (
        said(cell(world, 20, 30), AnswerKind.CLASS_SET, [named, (named + 1) % 5]),
        said(cell(world, 20, 30), AnswerKind.DOMINANT_CLASS, [named], Provenance.MACHINE),
    ):
        found, _ = settle(world, folder, answer, accept=0.0)
        assert not (found.provenance == Provenance.EXTENDED).any()


def test_evidence_of_other_images_is_refused(world, folder):
    with pytest.raises(SeglensError, match="not that of the images"):
        part(world, folder).settle([AnsweredImage(world.ids[0], world.native, [])], world.evidence(world.ids[1:]))
