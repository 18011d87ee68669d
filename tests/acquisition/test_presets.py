from __future__ import annotations

import numpy as np
import pytest
from arrays import make_world

import seglens.acquisition
import seglens.oracles  # noqa: F401 - the imports register the parts
from seglens.acquisition.presets import describe_preset, load_preset, preset_names
from seglens.config import resolve
from seglens.functional.run_lengths import encode_label
from seglens.oracles import estimate, estimate_rows
from seglens.protocols import AskContext
from seglens.registry import cuts, oracles, picks, scores, settles
from seglens.types import (
    IGNORE,
    Allowance,
    Answered,
    AnsweredImage,
    AnswerStatus,
    Chance,
    Query,
    Region,
    RoundState,
    SeglensError,
    Unit,
)

SMALL = {
    "superpixel": {"segments": 20},
    "merged-superpixel": {"segments": 40},
    "object": {"segments": 20},
    "grid": {"rows": 4, "columns": 5},
    "pixel": {"candidates": 20},
}


def test_the_default_comes_first():
    names = preset_names()
    assert names[0] == "default"
    assert {"random-superpixel", "random-image", "random-point", "bvsb-point", "entropy-grid"} <= set(names)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_asks_answers_and_settles(name, tmp_path):
    config = resolve({"preset": name}, load_preset(name), name)
    assert describe_preset(name)
    world = make_world(4)
    context = world.context(tmp_path)
    small = config.cut.model_copy(update=SMALL.get(config.cut.name, {}))
    score, cut = scores.build(config.score, context), cuts.build(small, context)
    if score.privileged:
        score.reveal(world.labels)
    pick, ask = picks.build(config.pick, context), oracles.build(config.ask, context)
    cut.prepare(world.ids)
    rows = world.rows(score, cut, pick=pick)
    costs = estimate_rows(rows, config.answer, ask)[:, 0]
    allowance = Allowance(Unit.CLICKS, 3 * costs.max(), costs)
    picked = pick.choose(rows, score.finish(rows), allowance, RoundState(1, 4, 5), Chance((0,)))
    assert len(picked) >= 3
    px = score.pixels(world.evidence(world.ids))
    ev = world.evidence(world.ids)
    sets = {r.image: r for r in cut.regions(None if cut.partition else px, ev, Chance((0, 1, "cut")))}
    queries = []
    for row in picked:
        found = sets[rows.images[row]]
        number = int(rows.regions[row])
        region = Region(found.image, world.native, encode_label(found.labels, number), found.key, number)
        cost = estimate(region, region.pixels, config.answer, ask)
        assert cost.clicks == pytest.approx(costs[row])
        queries.append(Query(str(row), 1, region, config.answer, 0.0, cost))
    ask.submit(queries, AskContext(world.data.classes, world.labels, None, Chance((0,))))
    answers = {answer.query: answer for answer in ask.collect()}
    right = total = 0
    for id in world.ids:
        about = AnsweredImage(id, world.native, [Answered(q, answers[q.id]) for q in queries if q.image == id])
        settled = settles.build(config.settle, context).settle([about], world.evidence([id]))[0]
        paid = sum(a.answer.cost.pixels for a in about.answers if a.answer.status is AnswerStatus.ANSWERED)
        truth = world.labels.label(id)
        known = (settled.label != IGNORE) & (truth != IGNORE)
        right += int((settled.label == truth)[known].sum())
        for number, classes in enumerate(settled.sets):
            within = (settled.regions == number) & (truth != IGNORE)
            right += int(np.isin(truth[within], classes).sum())
            known |= within
        assert known.sum() <= paid + 1e-9
        total += int(known.sum())
    assert total > 0
    assert right / total > (0.999 if config.answer in ("dense", "mask") else 0.4)


def test_the_baseline_differs_in_what_is_asked_alone():
    default, baseline = load_preset("default"), load_preset("random-superpixel")
    assert {key for key in default if default[key] != baseline[key]} == {"score", "pick"}


def test_segxal_by_people_differs_in_depth_alone():
    plain = load_preset("segxal-manual")
    for name in ("segxal-manual-m", "segxal-manual-d"):
        other = load_preset(name)
        assert {key for key in plain | other if plain.get(key) != other.get(key)} == {"depth"}
        assert other["depth"]["name"] == "pretrained"


@pytest.mark.parametrize("name", ["segxal-pseudolabels", "segxal-manual", "segxal-map"])
@pytest.mark.parametrize(("weights", "needs"), [([1, 0], {"logits", "cam", "proximity"}), ([0, 1], {"logits"})])
def test_an_ablation_of_segxal_is_one_value(name, weights, needs):
    config = resolve({"score": {"weights": weights}}, load_preset(name), name)
    assert scores.build(config.score, None).needs == needs
    assert config.score.model_dump() == {**load_preset(name)["score"], "weights": weights}


def test_a_preset_may_be_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("description: mine\nscore: entropy\n")
    assert load_preset(str(path)) == {"score": "entropy"}
    assert describe_preset(str(path)) == "mine"


def test_an_unknown_preset_is_refused_with_the_names():
    with pytest.raises(SeglensError, match=r"unknown name 'defaul'; did you mean 'default'\? Allowed: default, [a-z]"):
        load_preset("defaul")
    with pytest.raises(SeglensError, match="no such file"):
        load_preset("nowhere/mine.yaml")


def test_a_key_that_is_no_choice_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("scores: entropy\n")
    with pytest.raises(SeglensError, match=r"unknown key 'scores'\. Allowed: description, narrow, score"):
        load_preset(str(path))


def test_sums_are_those_of_the_pool():
    world = make_world(3)
    score = scores.build(resolve({}, load_preset("pixbal-superpixel"), "").score, None)
    sums = score.pixels(world.evidence(world.ids)).sums
    assert sums["pixels"][0] == 3 * 20 * 28
    assert np.isclose(sums["class_mass"].sum(), sums["pixels"][0])


@pytest.mark.parametrize(("clicks", "quotas"), [(40, {10}), (20, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})])
def test_pixelpick_takes_ten_of_the_best_twentieth_of_each_image(tmp_path, clicks, quotas):
    config = resolve({}, load_preset("pixelpick"), "")
    world = make_world(4, native=(80, 112), size=(80, 112))
    context = world.context(tmp_path)
    score, cut = scores.build(config.score, context), cuts.build(config.cut, context)
    rows = world.rows(score, cut)
    allowance = Allowance(Unit.CLICKS, clicks, np.ones(len(rows)))
    picked = picks.build(config.pick, context).choose(
        rows, score.finish(rows), allowance, RoundState(1, 4, 5), Chance((0,))
    )
    assert len(picked) == clicks
    counts = [int((rows.images[picked] == id).sum()) for id in world.ids]
    assert set(counts) <= quotas
    ev = world.evidence(world.ids)
    px = score.pixels(ev)
    for index, regions in enumerate(cut.regions(px, ev, Chance((0, 1, "cut")))):
        value = px.value[index].numpy()[2::4, 2::4]  # of a cell counts the pixel at its middle
        asked = value[regions.labels[2::4, 2::4] >= 0]
        assert len(asked) == 10
        best = np.sort(value.ravel())[-28:]
        assert (asked >= best[0]).all()
        assert asked.min() < best[-10]  # drawn from the best 28, not the best 10
