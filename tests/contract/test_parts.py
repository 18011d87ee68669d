"""The contract of every registered part. A new part is covered by being registered."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from arrays import World, make_world
from pydantic import BaseModel

import seglens.acquisition
import seglens.oracles  # noqa: F401 - the imports register the parts
from seglens.config import PartConfig
from seglens.functional.run_lengths import encode_label, indices
from seglens.protocols import AskContext, Privileged
from seglens.registry import Registry, cuts, narrows, oracles, picks, scores, settles
from seglens.types import (
    IGNORE,
    Allowance,
    Answer,
    Answered,
    AnsweredImage,
    AnswerKind,
    AnswerStatus,
    Chance,
    Cost,
    FloatArray,
    ImageRows,
    Provenance,
    Query,
    Region,
    RoundState,
    Rows,
    SeglensError,
    Unit,
)

CONTRACT_PARAMS: dict[str, dict[str, Any]] = {
    "cut/adaptive-superpixel": {"segments": 12, "fine": 40},
    "cut/grid": {"rows": 4, "columns": 5},
    "cut/superpixel": {"segments": 20},
    "cut/merged-superpixel": {"segments": 40},
    "cut/object": {"segments": 20},
    "cut/pixel": {"candidates": 6, "share": 0.2},
    "narrow/core-set": {"images": 3},
    "narrow/difficulty": {"images": 3},
    "narrow/loss-prediction": {"images": 3},
    "narrow/random-subset": {"images": 3},
    "narrow/sequence-quota": {"each": 1},
    "narrow/ta-vaal": {"images": 3},
    "narrow/top-by-score": {"images": 3},
    "narrow/vaal": {"images": 3},
    "score/one-vs-rest": {"aggregate": "mean"},  # of an image's pixels one is always in doubt
    "settle/grown": {"segments": 20},
    "settle/sieve": {"min_pixels": 8},
    "ask/machine": {"confidence": 0.2},
}
"""Parameters for parts that have none that fit the small world by default."""

KINDS: tuple[Registry[Any], ...] = (scores, cuts, picks, settles, narrows, oracles)
PARTS = [(kind, name) for kind in KINDS for name in kind.names()]
CHANCE = Chance((0, 1, "pick"))
STATE = RoundState(round=1, rounds=4, classes=5)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.fixture
def context(world, tmp_path_factory):
    return world.context(tmp_path_factory.getbasetemp() / "contract-cache")


def build(kind: Registry[Any], name: str, context: Any) -> Any:
    return kind.build(PartConfig(name=name, **CONTRACT_PARAMS.get(f"{kind.kind}/{name}", {})), context)


def build_score(name: str, context: Any) -> Any:
    """A score; one that is privileged has seen the truth, as in a simulation."""
    score = build(scores, name, context)
    if score.privileged:
        score.reveal(make_world().labels)
    return score


def every(kind: Registry[Any]) -> Any:
    return pytest.mark.parametrize("name", kind.names())


# -- every part ------------------------------------------------------------------------------------------------------


def test_the_table_names_no_part_that_is_gone():
    assert set(CONTRACT_PARAMS) <= {f"{kind.kind}/{name}" for kind, name in PARTS}


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=lambda value: getattr(value, "kind", value))
def test_a_part_is_named_described_and_frozen(kind, name):
    part = kind.get(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert part.__doc__.strip().partition("\n")[0].endswith((".", "?"))
    assert issubclass(part.Params, BaseModel)
    assert part.Params.model_config["frozen"]
    assert all(field.description for field in part.Params.model_fields.values())
    with pytest.raises(SeglensError, match="unknown key 'no_such_key'"):
        kind.params(PartConfig(name=name, no_such_key=1))


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=lambda value: getattr(value, "kind", value))
def test_a_part_can_be_sent_to_a_worker(kind, name, context):
    part = build(kind, name, context)
    again = pickle.loads(pickle.dumps(part))
    assert type(again) is type(part)
    assert again.params == part.params


def reachable(root: object) -> Iterator[object]:
    """Every object that can be reached from ``root`` by attributes, items and closures."""
    seen: set[int] = set()
    todo: list[object] = [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type, np.ndarray, torch.Tensor)):
            continue
        seen.add(id(thing))
        yield thing
        todo.extend(vars(thing).values() if hasattr(thing, "__dict__") else ())
        todo.extend(getattr(thing, slot, None) for slot in getattr(type(thing), "__slots__", ()))
        todo.extend(cell.cell_contents for cell in getattr(thing, "__closure__", None) or ())
        if isinstance(thing, dict):
            todo.extend([*thing.keys(), *thing.values()])
        elif isinstance(thing, (list, tuple, set, frozenset)):
            todo.extend(thing)


def holds_labels(root: object) -> bool:
    return any(callable(getattr(x, "has", None)) and callable(getattr(x, "label", None)) for x in reachable(root))


def test_the_search_for_labels_finds_them(world):
    class Peeking:
        def __init__(self) -> None:
            self.deep = [{"x": (lambda labels=world.labels: labels, world.labels)}]

    assert holds_labels(Peeking())
    assert not holds_labels(world.data)


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=lambda value: getattr(value, "kind", value))
def test_no_part_holds_labels(kind, name, context, world):
    part = build(kind, name, context)
    if kind is scores and not part.privileged:
        part.finish(world.rows(part, build(cuts, "grid", context)))
    if kind is cuts:
        world.rows(build(scores, "entropy", context), part)
    assert not holds_labels(part)
    if kind is not oracles and not getattr(part, "privileged", False):
        assert not any("label" in hint.lower() for hint in hints(part))


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=lambda value: getattr(value, "kind", value))
def test_the_truth_can_be_revealed_to_a_privileged_score_alone(kind, name, context, world):
    part = build(kind, name, context)
    privileged = (kind.kind, name) == ("score", "true-error")
    assert getattr(part, "privileged", False) == privileged
    assert isinstance(part, Privileged) == privileged
    if privileged:
        with pytest.raises(SeglensError, match="sees the truth, and none was revealed"):
            part.pixels(world.evidence(world.ids, needs=part.needs))
        assert holds_labels(build_score(name, context))


def hints(part: Any) -> Iterator[str]:
    """What the public methods of a part take, in words; ``labelled`` rows of narrow aside."""
    for method in vars(type(part)).values():
        if callable(method) and not method.__name__.startswith("_"):
            for argument, hint in method.__annotations__.items():
                if argument not in ("return", "labelled"):
                    yield f"{argument}: {hint}"


# -- score -----------------------------------------------------------------------------------------------------------


def finished(world: World, score: Any, cut: Any, ids: list[str], batch: int) -> dict[tuple[str, int], float]:
    rows = world.rows(score, cut, ids, batch)
    values = score.finish(rows)
    assert values.shape == (len(rows),)
    return {(image, int(region)): float(v) for image, region, v in zip(rows.images, rows.regions, values, strict=True)}


@every(scores)
def test_scores_are_finite_and_do_not_depend_on_batch_or_order(name, world, context):
    score, cut = build_score(name, context), build(cuts, "grid", context)
    by_four = finished(world, score, cut, world.ids, 4)
    assert np.isfinite(list(by_four.values())).all()
    for ids, batch in ((world.ids, 4), (world.ids, 1), (world.ids[::-1], 4)):
        again = finished(world, build_score(name, context), cut, ids, batch)
        assert again.keys() == by_four.keys()
        np.testing.assert_allclose([again[key] for key in by_four], list(by_four.values()), atol=1e-4, rtol=0)


@every(scores)
def test_scores_of_certain_and_huge_logits_are_finite(name, context):
    world = make_world(3)
    for id in world.ids:
        world.logits[id] = torch.where(world.logits[id] == world.logits[id].amax(0), 1e4, -1e4)
    values = finished(world, build_score(name, context), build(cuts, "image", context), world.ids, 2)
    assert np.isfinite(list(values.values())).all()


@every(scores)
def test_a_score_leaves_evidence_as_it_is_and_tells_its_shape(name, world, context):
    score = build_score(name, context)
    ev = world.evidence(world.ids[:3], needs=score.needs)
    before = ev.values.clone()
    px = score.pixels(ev)
    assert torch.equal(ev.values, before)
    assert px.value.shape == (3, *world.size)
    assert px.value.dtype == torch.float32
    if px.group is not None:
        assert px.group.dtype == torch.int64
        assert px.classes == 5


@every(scores)
def test_an_uncertain_image_ranks_above_a_certain_one(name, context):
    score = build_score(name, context)
    if not score.needs:
        pytest.skip("does not look at the model")
    world = make_world(2)
    certain, uncertain = world.ids
    world.logits[uncertain] = world.logits[certain] * 0.05
    world.logits[certain] = world.logits[certain] * 20
    values = finished(world, score, build(cuts, "image", context), world.ids, 2)
    assert values[uncertain, 0] > values[certain, 0]


@every(scores)
def test_no_rows_give_no_scores(name, world, context):
    score = build_score(name, context)
    rows = world.rows(score, build(cuts, "grid", context)).take(np.zeros(0, np.int64))
    assert score.finish(rows).shape == (0,)


# -- cut -------------------------------------------------------------------------------------------------------------


def region_sets(world: World, cut: Any, ids: list[str], context: Any) -> dict[str, Any]:
    score = build(scores, "entropy", context)
    ev = world.evidence(ids, needs=score.needs)
    px = None if cut.partition else score.pixels(ev)
    return {regions.image: regions for regions in cut.regions(px, ev, Chance((0, 1, "cut")))}


@every(cuts)
def test_regions_are_numbered_disjoint_and_native(name, world, context):
    cut = build(cuts, name, context)
    cut.prepare(world.ids)
    found = region_sets(world, cut, world.ids, context)
    assert list(found) == world.ids
    for regions in found.values():
        assert regions.labels.shape == world.native
        assert regions.labels.dtype == np.int32
        numbers = set(np.unique(regions.labels).tolist())
        assert numbers - {-1} == set(range(regions.count))
        assert not (cut.partition and -1 in numbers)
        assert regions.key == next(iter(found.values())).key


@every(cuts)
def test_regions_do_not_depend_on_batch_or_order(name, world, context):
    cut = build(cuts, name, context)
    whole = region_sets(world, cut, world.ids, context)
    again = region_sets(world, build(cuts, name, context), world.ids[::-1], context)
    for id in world.ids:
        alone = region_sets(world, cut, [id], context)[id]
        assert np.array_equal(alone.labels, whole[id].labels)
        assert np.array_equal(again[id].labels, whole[id].labels)
        assert again[id].key == whole[id].key


# -- pick ------------------------------------------------------------------------------------------------------------


def candidates(ties: bool = False) -> tuple[Rows, FloatArray]:
    rng = np.random.default_rng(5)
    images = np.repeat(np.array([f"street {n}" for n in range(9)], object), 12)
    by_class = rng.random((108, 5)).astype(np.float32) * (rng.random((108, 5)) < 0.6)
    score = np.full(108, 0.5) if ties else rng.random(108)
    sizes = rng.integers(5, 50, 108)
    arrays = {"value": score, "by_class": by_class}
    arrays |= {"features": rng.normal(size=(108, 6)).astype(np.float16), "place": rng.random((108, 2)) * 50}
    arrays |= {"gradient": rng.normal(size=(108, 5)), "edges": rng.random((108, 1))}
    return Rows(images, np.tile(np.arange(12, dtype=np.int32), 9), sizes, sizes, arrays), score


def chosen(pick: Any, rows: Rows, score: FloatArray, costs: FloatArray, amount: float) -> list[int]:
    found: list[int] = pick.choose(rows, score, Allowance(Unit.CLICKS, amount, costs), STATE, CHANCE)
    return found


@every(picks)
@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0, 7.0, 40.0, 107.5, 1e6])
@pytest.mark.parametrize("priced", ["ones", "sizes", "some free"])
def test_picks_stay_within_the_budget_and_never_repeat(name, amount, priced, context):
    rows, score = candidates()
    costs = {"ones": np.ones(108), "sizes": rows.sizes / 10, "some free": (np.arange(108) % 3 > 0).astype(float)}[
        priced
    ]
    picked = chosen(build(picks, name, context), rows, score, costs, amount)
    assert costs[picked].sum() <= amount + 1e-9
    assert len(set(picked)) == len(picked)
    assert all(0 <= row < 108 for row in picked)
    if amount >= costs.sum():
        assert len(picked) == 108
    elif priced == "ones":
        assert len(picked) == int(amount)


@every(picks)
@pytest.mark.parametrize("ties", [False, True])
def test_picks_do_not_depend_on_the_order_of_rows(name, ties, context):
    rows, score = candidates(ties)
    shuffle = np.random.default_rng(1).permutation(108)
    pick, costs = build(picks, name, context), rows.sizes / 10
    first = chosen(pick, rows, score, costs, 60.0)
    second = chosen(pick, rows.take(shuffle), score[shuffle], costs[shuffle], 60.0)
    assert chosen(pick, rows, score, costs, 60.0) == first
    assert sorted(shuffle[second]) == sorted(first)


@every(picks)
def test_picks_of_nothing_are_nothing(name, context):
    rows, score = candidates()
    none = np.zeros(0, np.int64)
    assert chosen(build(picks, name, context), rows.take(none), score[none], np.zeros(0), 10.0) == []
    assert chosen(build(picks, name, context), Rows.concat([]), score[none], np.zeros(0), 10.0) == []


@every(picks)
def test_picks_leave_rows_as_they_are(name, context):
    rows, score = candidates()
    before = pickle.dumps((rows, score))
    chosen(build(picks, name, context), rows, score, np.ones(108), 20.0)
    assert pickle.dumps((rows, score)) == before


# -- settle ----------------------------------------------------------------------------------------------------------


def answers_about(world: World, id: str, context: Any, provenance: Provenance) -> AnsweredImage:
    """The upper half of the grid answered with its first pixel's class, one region void, one unsure."""
    regions = region_sets(world, build(cuts, "grid", context), [id], context)[id]
    answers = []
    for number in range(regions.count // 2):
        region = Region(id, world.native, encode_label(regions.labels, number), regions.key, number)
        status = {3: AnswerStatus.VOID, 4: AnswerStatus.UNSURE}.get(number, AnswerStatus.ANSWERED)
        found = world.labels.label(id).ravel()[indices(region.runs)]
        named = tuple(int(c) for c in found[found != IGNORE][:1])
        query = Query(f"{id}#{number}", 1, region, AnswerKind.DOMINANT_CLASS, 0.5, Cost(1.0))
        answer = Answer(query.id, status, Cost(1.0), provenance, named if status is AnswerStatus.ANSWERED else ())
        answers.append(Answered(query, answer))
    return AnsweredImage(id, world.native, answers)


@every(settles)
def test_settled_labels_lie_where_answers_are(name, world, context):
    settle = build(settles, name, context)
    batch = [answers_about(world, id, context, Provenance.SIMULATED) for id in world.ids]
    settled = settle.settle(batch, world.evidence(world.ids, needs=settle.needs))
    assert len(settled) == len(batch)
    for image, found in zip(batch, settled, strict=True):
        assert found.label.shape == found.provenance.shape == world.native
        assert found.label.dtype == found.provenance.dtype == np.uint8
        assert np.array_equal(found.label == IGNORE, found.provenance == Provenance.NONE)
        for answered in image.answers:
            inside = found.label.ravel()[indices(answered.query.region.runs)]
            assert set(inside.tolist()) <= {IGNORE, *answered.answer.classes}


@every(settles)
def test_settling_does_not_depend_on_batch_or_order(name, world, context):
    settle = build(settles, name, context)
    batch = [answers_about(world, id, context, Provenance.SIMULATED) for id in world.ids]
    whole = settle.settle(batch, world.evidence(world.ids, needs=settle.needs))
    back = settle.settle(batch[::-1], world.evidence(world.ids[::-1], needs=settle.needs))[::-1]
    for index, image in enumerate(batch):
        alone = settle.settle([image], world.evidence([image.image], needs=settle.needs))[0]
        assert np.array_equal(alone.label, whole[index].label)
        assert np.array_equal(back[index].label, whole[index].label)


@every(settles)
def test_without_a_model_everything_is_as_answered_or_open(name, world, context):
    batch = [answers_about(world, id, context, Provenance.PERSON) for id in world.ids]
    plain = build(settles, "as-answered", context).settle(batch, None)
    settle = build(settles, name, context)
    for found, expected in zip(settle.settle(batch, None), plain, strict=True):
        kept = found.label != IGNORE
        assert kept.any()
        assert not settle.needs or np.array_equal(found.label, expected.label)
        assert np.array_equal(found.label[kept], expected.label[kept])
        assert np.array_equal(found.provenance[kept], expected.provenance[kept])
        assert (found.provenance[~kept] == Provenance.NONE).all()
        assert found.held == ()


@every(settles)
def test_a_persons_label_is_never_painted_over(name, world, context):
    settle = build(settles, name, context)
    person = answers_about(world, world.ids[0], context, Provenance.PERSON)
    later = [
        Answered(a.query, Answer(a.answer.query, AnswerStatus.ANSWERED, Cost(), Provenance.MACHINE, (0,)))
        for a in person.answers
    ]
    ev = world.evidence(world.ids[:1], needs=settle.needs)
    alone = settle.settle([person], ev)[0]
    both = settle.settle([AnsweredImage(person.image, person.size, [*person.answers, *later])], ev)[0]
    mine = alone.provenance == Provenance.PERSON
    assert mine.any()
    assert np.array_equal(both.label[mine], alone.label[mine])
    assert (both.provenance[mine] == Provenance.PERSON).all()


# -- narrow ----------------------------------------------------------------------------------------------------------


@every(narrows)
def test_narrow_gives_a_subset_whatever_the_order(name, world, context):
    narrow = build(narrows, name, context)
    reduced = narrow.reduce(world.evidence(world.ids, needs=narrow.needs))
    assert len(reduced) == len(world.ids)
    pool = ImageRows(tuple(world.ids), {"reduced": reduced})
    back = ImageRows(tuple(world.ids[::-1]), {"reduced": reduced[::-1]})
    kept = narrow.choose(pool, ImageRows(()), CHANCE)
    assert kept
    assert len(set(kept)) == len(kept)
    assert set(kept) <= set(world.ids)
    assert set(narrow.choose(back, ImageRows(()), CHANCE)) == set(kept)


# -- ask -------------------------------------------------------------------------------------------------------------


KINDS_OF_ANSWERS = [
    AnswerKind.DENSE,
    AnswerKind.MASK,
    AnswerKind.DOMINANT_CLASS,
    AnswerKind.POINT,
    AnswerKind.CLASS_SET,
]


@every(oracles)
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", KINDS_OF_ANSWERS)
def test_an_oracle_answers_each_question_once_and_at_a_price(name, kind, first, world, context):
    oracle = build(oracles, name, context)
    queries = [
        Query(a.query.id, 1, a.query.region, kind, 0.5, Cost(1.0))
        for id in world.ids[:2]
        for a in answers_about(world, id, context, Provenance.PERSON).answers
    ]
    labels = world.labels if oracle.simulation else None
    evidence = None if first else lambda ids: world.evidence(ids, needs=oracle.needs)
    ask = AskContext(world.data.classes, labels, evidence, CHANCE)
    if kind not in getattr(oracle, "kinds", KINDS_OF_ANSWERS):
        with pytest.raises(SeglensError, match=f"answers of kind '{kind.value}'; allowed: "):
            oracle.submit(queries, ask)
        return
    oracle.submit(queries, ask)
    oracle.submit(queries, ask)
    answers = oracle.collect()
    oracle.submit(queries, ask)
    assert oracle.collect() == []
    assert len({answer.query for answer in answers}) == len(answers)
    by_id = {query.id: query for query in queries}
    if oracle.simulation:
        assert [answer.query for answer in answers] == list(by_id)
    free = getattr(oracle, "free", False) and not first
    for answer in answers:
        region = by_id[answer.query].region
        assert (answer.cost.clicks, answer.cost.seconds) == (0, 0) if free else answer.cost.clicks >= 1
        assert free or answer.cost.seconds > 0
        assert 0 <= answer.cost.pixels <= region.pixels
        assert (answer.status is AnswerStatus.ANSWERED) == bool(answer.classes or answer.dense is not None)
    assert not holds_labels(oracle)
