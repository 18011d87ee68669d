from __future__ import annotations

import numpy as np
import pytest
import torch
from arrays import CLASSES, make_world

import seglens.oracles  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.functional.run_lengths import encode
from seglens.oracles import estimate
from seglens.protocols import AskContext
from seglens.registry import oracles
from seglens.types import (
    IGNORE,
    AnswerKind,
    AnswerStatus,
    Chance,
    Cost,
    Provenance,
    Query,
    Region,
    SeglensError,
)


@pytest.fixture
def world():
    return make_world(10, native=(41, 57))


def machine(**params):
    return oracles.build(PartConfig(name="machine", **params), None)


def query(id, world, image, mask=None, kind=AnswerKind.DENSE, **reason):
    mask = np.ones(world.native, bool) if mask is None else mask
    return Query(id, 1, Region(image, world.native, encode(mask), "k", 0), kind, 0.5, Cost(), reason)


def context(world, oracle, model=True):
    batches = []

    def evidence(ids):
        batches.append(list(ids))
        return world.evidence(ids, needs=oracle.needs)

    labels = world.labels if oracle.simulation else None
    return AskContext(CLASSES, labels, evidence if model else None, Chance((0,))), batches


@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_it_labels_where_the_teacher_is_sure(world, confidence):
    oracle = machine(confidence=confidence)
    mask = np.zeros(world.native, bool)
    mask[5:30, 11:50] = True
    ask, _ = context(world, oracle)
    oracle.submit([query("q", world, world.ids[0], mask)], ask)
    (answer,) = oracle.collect()
    teacher = world.evidence(world.ids[:1]).teacher[0]
    large = torch.nn.functional.interpolate(teacher[None], world.native, mode="nearest")[0]
    expected = torch.where(large.amax(0) >= confidence, large.argmax(0), IGNORE).numpy()[mask]
    assert np.array_equal(answer.dense, expected)
    assert answer.dense.dtype == np.uint8
    assert 0 < (expected != IGNORE).sum() < expected.size
    assert (answer.status, answer.provenance) == (AnswerStatus.ANSWERED, Provenance.MACHINE)
    assert answer.cost == Cost(0, float((expected != IGNORE).sum()), 0)


def test_it_is_not_the_student(world):
    oracle = machine(confidence=0.2)
    ask, _ = context(world, oracle)
    oracle.submit([query("q", world, world.ids[0])], ask)
    student = torch.nn.functional.interpolate(
        world.logits[world.ids[0]].argmax(0)[None, None].float(), world.native, mode="nearest"
    )[0, 0].numpy()
    agree = (oracle.collect()[0].dense == student.ravel()).mean()
    assert 0.3 < agree < 0.95
    assert oracle.needs == {"teacher"}


def test_nothing_sure_expires_and_may_be_asked_again(world):
    world.logits[world.ids[0]] = torch.zeros_like(world.logits[world.ids[0]])
    oracle = machine()
    ask, _ = context(world, oracle)
    oracle.submit([query("q", world, world.ids[0])], ask)
    (answer,) = oracle.collect()
    assert (answer.status, answer.cost, answer.dense) == (AnswerStatus.EXPIRED, Cost(), None)


def test_without_a_model_the_first_oracle_answers(world):
    oracle = machine()
    ask, batches = context(world, oracle, model=False)
    assert oracle.simulation
    oracle.submit([query("q", world, world.ids[0], first_round=True)], ask)
    (answer,) = oracle.collect()
    assert answer.provenance is Provenance.SIMULATED
    assert np.array_equal(answer.dense, world.labels.label(world.ids[0]).ravel())
    assert answer.cost.clicks > 1
    assert batches == []


def test_questions_of_the_first_round_stay_with_the_first_oracle(world):
    oracle = machine(first={"name": "human"}, confidence=0.3)
    ask, _ = context(world, oracle)
    assert not oracle.simulation
    oracle.submit([query("old", world, world.ids[0], first_round=True), query("new", world, world.ids[1])], ask)
    assert [answer.query for answer in oracle.collect()] == ["new"]


def test_answers_come_in_the_order_asked_a_few_images_at_a_time(world):
    oracle = machine(confidence=0.3)
    ask, batches = context(world, oracle)
    images = [world.ids[n] for n in (3, 1, 3, 0, 9, 8, 7, 6, 5, 4, 2)]
    queries = [query(f"q{n}", world, image) for n, image in enumerate(images)]
    oracle.submit(queries[:4], ask)
    oracle.submit(queries, ask)
    assert [answer.query for answer in oracle.collect()] == [q.id for q in queries]
    assert [len(batch) for batch in batches] == [3, 7]
    oracle = machine(confidence=0.3)
    ask, batches = context(world, oracle)
    oracle.submit(queries, ask)
    assert [len(batch) for batch in batches] == [8, 2]


def test_it_costs_nothing_but_the_first_oracle_does(world):
    oracle, person = machine(), oracles.build(PartConfig(name="simulated"), None)
    region = query("q", world, world.ids[0]).region
    assert estimate(region, 100, AnswerKind.DENSE, oracle) == Cost(0, 100, 0)
    for kind in (AnswerKind.DENSE, AnswerKind.MASK):
        priced = estimate(region, 100, kind, person)
        assert (
            estimate(region, 100, kind, oracle, first=True) == priced == estimate(region, 100, kind, person, first=True)
        )
        assert priced.clicks > 1


def test_it_labels_pixels_alone(world):
    oracle = machine()
    ask, _ = context(world, oracle)
    with pytest.raises(SeglensError, match="answers of kind 'point'; allowed: dense, mask"):
        oracle.submit([query("q", world, world.ids[0], kind=AnswerKind.POINT)], ask)


def test_it_cannot_be_its_own_first_oracle():
    with pytest.raises(SeglensError, match="names the machine itself; allowed: simulated, human"):
        machine(first="machine")
    with pytest.raises(SeglensError, match="unknown name 'nobody'"):
        machine(first="nobody")
    with pytest.raises(SeglensError, match="unknown key 'patience'"):
        machine(first={"name": "simulated", "patience": 3})
