from __future__ import annotations

import numpy as np
import pytest

import seglens.oracles  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.functional.contours import ContourClicks
from seglens.functional.run_lengths import encode
from seglens.oracles.cost import Seconds, answer_cost, drawing_cost, estimate, estimate_rows
from seglens.registry import oracles
from seglens.types import AnswerKind, Cost, Region, Rows, SeglensError


def simulated(**params):
    return oracles.build(PartConfig(name="simulated", **params), None)


def region(height, width):
    mask = np.zeros((60, 80), bool)
    mask[:height, :width] = True
    return Region("a", mask.shape, encode(mask), "key", 0)


def rows(*sizes):
    count = len(sizes)
    array = np.array(sizes, np.int64)
    return Rows(np.full(count, "a", object), np.arange(count, dtype=np.int32), array, array)


def test_clicks_of_each_kind():
    seconds = Seconds(click=2, vertex=1, choice=3)
    assert answer_cost(AnswerKind.DOMINANT_CLASS, 50, seconds) == Cost(1, 50, 2)
    assert answer_cost(AnswerKind.POINT, 16, seconds) == Cost(1, 16, 2)
    assert answer_cost(AnswerKind.CLASS_SET, 50, seconds, 3) == Cost(3, 50, 8)
    assert drawing_cost(ContourClicks(5, 2, 3), 50, seconds) == Cost(10, 50, 16)
    assert drawing_cost(ContourClicks(0, 0, 0), 0, seconds) == Cost(1, 0, 2)


@pytest.mark.parametrize("kind", [kind for kind in AnswerKind if kind is not AnswerKind.VERDICT])
def test_rows_are_estimated_as_regions_are(kind):
    oracle = simulated(seconds={"click": 3})
    many = estimate_rows(rows(100, 600, 4800), kind, oracle)
    for (clicks, seconds), one in zip(many, (region(10, 10), region(10, 60), region(60, 80)), strict=True):
        found = estimate(one, one.pixels, kind, oracle)
        assert (found.clicks, found.seconds) == (pytest.approx(clicks), pytest.approx(seconds))
        assert found.pixels == (16 if kind is AnswerKind.POINT else one.pixels)
    assert (np.diff(many[:, 0]) > 0).all() == (kind in (AnswerKind.DENSE, AnswerKind.MASK))


def test_pixels_count_fresh_ones_only():
    assert estimate(region(10, 10), 30, AnswerKind.DOMINANT_CLASS, simulated()).pixels == 30
    assert estimate(region(10, 10), 7, AnswerKind.POINT, simulated()).pixels == 7


def test_a_person_is_estimated_at_the_usual_speed():
    human = oracles.build(PartConfig(name="human"), None)
    assert estimate(region(10, 10), 100, AnswerKind.POINT, human) == Cost(1.0, 16.0, Seconds().click)


def test_a_machine_is_free_and_its_first_oracle_is_not():
    machine = oracles.build(PartConfig(name="machine", first={"name": "simulated", "seconds": {"click": 3}}), None)
    assert estimate_rows(rows(100, 600), AnswerKind.DENSE, machine).tolist() == [[0, 0], [0, 0]]
    assert estimate(region(10, 10), 30, AnswerKind.DENSE, machine) == Cost(0, 30, 0)
    for kind in (AnswerKind.DENSE, AnswerKind.POINT):
        first = estimate_rows(rows(100, 600), kind, machine, first=True)
        assert np.array_equal(first, estimate_rows(rows(100, 600), kind, simulated(seconds={"click": 3}), first=True))
        assert (first > 0).all()


def test_a_kind_without_a_price_is_refused():
    with pytest.raises(SeglensError, match="cost of 'verdict' is not known; allowed: class-set, dense"):
        estimate_rows(rows(5), AnswerKind.VERDICT, simulated())


def test_dense_estimates_fit_camvid_on_average(shared):
    from seglens.config import PartConfig as Part
    from seglens.data import open_labels
    from seglens.functional.contours import contour_clicks

    labels = open_labels(Part(name="camvid", root=str(shared / "data" / "camvid"), splits=["train"]))
    ids = [path.stem for path in sorted((shared / "data" / "camvid" / "train").iterdir())][::45]
    truths = [labels.label(id) for id in ids if labels.has(id)] or [labels.label(f"train/{id}") for id in ids]
    rng = np.random.default_rng(0)
    for side in (30, 60, 120):
        paid = []
        for truth in truths:
            for _ in range(8):
                top, left = rng.integers(0, 360 - side), rng.integers(0, 480 - side)
                inside = np.zeros(truth.shape, bool)
                inside[top : top + side, left : left + side] = True
                paid.append(max(contour_clicks(truth, inside).total, 1))
        guess = estimate_rows(rows(side * side), AnswerKind.DENSE, simulated())[0, 0]
        assert 0.5 < guess / np.mean(paid) < 2
