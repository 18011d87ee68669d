"""Picks that look at features and places, against brute force on few rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.acquisition.pick import coverage
from seglens.config import PartConfig
from seglens.functional.k_means import k_means
from seglens.registry import picks
from seglens.types import Allowance, Chance, RoundState, Rows, Unit

CHANCE = Chance((0, 1, "pick"))


def pool(features=None, images=10, regions=20, seed=0):
    rng = np.random.default_rng(seed)
    count = images * regions if features is None else len(features)
    names = np.array([f"image {n // regions:02d}" for n in range(count)], object)
    sizes = np.full(count, 16)
    rows = Rows(names, (np.arange(count) % regions).astype(np.int32), sizes, sizes)
    rows.arrays["features"] = rng.normal(size=(count, 5)) if features is None else np.asarray(features, float)
    rows.arrays["gradient"] = rng.normal(size=(count, 3))
    rows.arrays["place"] = np.stack([np.arange(count) % regions // 5 * 4.0, np.arange(count) % 5 * 4.0], 1)
    return rows, rng.random(count)


def asked(features):
    return pool(features, seed=9)[0]


def choose(name, rows, score, amount, known=None, chance=CHANCE, classes=4, **params):
    pick = picks.build(PartConfig(name=name, **params), None)
    state = RoundState(1, 4, classes, known=known)
    return pick.choose(rows, score, Allowance(Unit.CLICKS, amount, np.ones(len(rows))), state, chance)


# -- k-center --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [None, asked(np.random.default_rng(7).normal(size=(4, 5)))])
def test_k_center_is_farthest_first_within_the_shortlist(known):
    rows, score = pool()
    few = np.argsort(-score)[:30]
    points, covered = rows.arrays["features"], [] if known is None else list(known.arrays["features"])
    expected = []
    for _ in range(6):
        if covered:
            far = cdist(points[few], covered).min(1)
        else:
            far = -np.linalg.norm(points[few] - points[few].mean(0), axis=1)
        expected.append(int(few[far.argmax()]))
        covered.append(points[expected[-1]])
    assert choose("k-center", rows, score, 6, known, shortlist=5) == expected


def test_k_center_leaves_what_looks_like_an_answer():
    rows, score = pool(np.repeat(np.eye(4), 5, 0), regions=5)
    picked = choose("k-center", rows, score, 2, asked(np.eye(4)[:2]))
    assert {row // 5 for row in picked} == {2, 3}


# -- badge -----------------------------------------------------------------------------------------------------------


def test_badge_draws_by_the_distance_of_outer_products():
    rows, _ = pool(images=1, regions=6)
    outer = np.einsum("nc,nd->ncd", rows.arrays["gradient"], rows.arrays["features"]).reshape(6, -1)
    first = int((outer**2).sum(1).argmax())
    share = ((outer - outer[first]) ** 2).sum(1)
    drawn = Counter()
    for seed in range(1500):
        picked = choose("badge", rows, np.zeros(6), 2, chance=Chance((seed,)))
        assert picked[0] == first
        drawn[picked[1]] += 1
    counts = np.array([drawn[row] for row in range(6)]) / 1500
    np.testing.assert_allclose(counts, share / share.sum(), atol=0.04)


def test_badge_takes_its_draws_from_the_shortlist_and_alike_rows_once():
    rows, score = pool()
    rows.arrays["features"][:] = rows.arrays["features"][0]
    rows.arrays["gradient"][:] = rows.arrays["gradient"][0]
    rows.arrays["gradient"][np.argsort(-score)[3]] = [5, 0, 0]
    picked = choose("badge", rows, score, 4, shortlist=2)
    assert picked[0] == np.argsort(-score)[3]
    assert set(picked) <= set(np.argsort(-score)[:8].tolist())


# -- spread ----------------------------------------------------------------------------------------------------------


def spread_by_force(rows, score, amount, per_image, distance):
    """Turn by turn over the whole list: cap and distance, distance alone, neither."""
    picked, order, place = [], np.argsort(-score), rows.arrays["place"]
    for capped, apart in ((True, True), (False, True), (False, False)):
        for row in order:
            mine = [p for p in picked if rows.images[p] == rows.images[row]]
            full = capped and len(mine) >= per_image
            near = apart and any(np.linalg.norm(place[p] - place[row]) < distance * 4 for p in mine)
            if len(picked) < amount and row not in picked and not full and not near:
                picked.append(int(row))
    return picked


@pytest.mark.parametrize("amount", [5, 20, 45, 90, 200])
@pytest.mark.parametrize("distance", [0, 1.5, 3])
def test_spread_is_best_first_few_an_image_and_apart(amount, distance):
    rows, score = pool()
    score[:40] += 1
    found = choose("spread", rows, score, amount, per_image=4, distance=distance)
    assert found == spread_by_force(rows, score, amount, 4, distance)


def test_spread_keeps_four_an_image_while_there_are_others():
    rows, score = pool()
    score[:20] += 10
    assert set(Counter(rows.images[choose("spread", rows, score, 40, distance=0)]).values()) == {4}
    assert Counter(rows.images[choose("spread", rows, score, 41, distance=0)])["image 00"] == 5


# -- typical ---------------------------------------------------------------------------------------------------------


def groups(sizes, spread=0.01, seed=0):
    """Directions far apart, each with so many points around it, the first of each in the middle."""
    rng = np.random.default_rng(seed)
    middles = np.eye(len(sizes))
    noise = [np.vstack([np.zeros(len(sizes)), rng.normal(size=(n - 1, len(sizes))) * spread]) for n in sizes]
    return np.vstack([middle + n for middle, n in zip(middles, noise, strict=True)])


def test_typical_takes_the_densest_of_the_largest_unasked_groups():
    sizes = [30, 12, 20, 8]
    rows, score = pool(groups(sizes))
    starts = np.cumsum([0, *sizes[:-1]])
    assert choose("typical", rows, score, 4) == starts[[0, 2, 1, 3]].tolist()
    known = asked(groups([1, 1, 1, 1])[[0, 0, 1]])  # two questions in the first group, one in the second
    picked = choose("typical", rows, score, 1, known)
    assert picked == [starts[2]]


def test_typical_is_the_least_mean_distance_to_twenty_neighbours():
    rows, score = pool(images=2, regions=40)
    points = rows.arrays["features"] / np.linalg.norm(rows.arrays["features"], axis=1, keepdims=True)
    order = np.argsort(-score)
    cluster = np.empty(80, int)
    cluster[order] = k_means(points[order], 2, CHANCE.child("clusters").numpy())
    best = []
    for number in np.argsort(-np.bincount(cluster)):
        inside = np.flatnonzero(cluster == number)
        near = np.sort(cdist(points[inside], points[inside]), axis=1)[:, 1:21].mean(1)
        best.append(int(inside[near.argmin()]))
    assert choose("typical", rows, score, 2) == best


def test_typical_leaves_small_groups_for_last():
    rows, score = pool(groups([9, 3, 9]))
    picked = choose("typical", rows, score, 21, classes=3)
    few = choose("typical", rows, score, 3)
    assert set(few) == {0, 12} | {few[2]}
    assert len(set(picked)) == 21


# -- coverage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["typical", "coverage", "k-center", "badge"])
def test_the_order_of_what_was_asked_before_does_not_matter(name):
    rows, score = pool()
    known = asked(np.random.default_rng(7).normal(size=(120, 5)))
    back = known.take(np.arange(120)[::-1])
    assert choose(name, rows, score, 20, known) == choose(name, rows, score, 20, back)


def test_coverage_takes_most_newly_covered_rows_first():
    sizes = [30, 12, 20, 8]
    rows, score = pool(groups(sizes))
    kinds = np.repeat(np.arange(4), sizes)
    assert kinds[choose("coverage", rows, score, 4)].tolist() == [0, 2, 1, 3]
    known = asked(groups([1, 1, 1, 1])[[0, 2]])
    assert kinds[choose("coverage", rows, score, 2, known)].tolist() == [1, 3]


@pytest.mark.parametrize("begun", [0, 5])
def test_covering_is_greedy_by_brute_force(begun):
    rng = np.random.default_rng(begun)
    near = rng.random((40, 40)) < 0.08
    near = near | near.T | np.eye(40, dtype=bool)
    covered, expected = set(np.flatnonzero(near[:begun].any(0)).tolist()), []
    while len(covered) < 40:
        gains = [len(set(np.flatnonzero(near[p])) - covered) for p in range(begun, 40)]
        expected.append(int(np.argmax(gains)))
        covered |= set(np.flatnonzero(near[begun + expected[-1]]).tolist())
    assert list(coverage.covering(near, begun)) == expected


def test_coverage_of_many_rows_looks_at_a_part_of_them_whatever_their_order(monkeypatch):
    monkeypatch.setattr(coverage, "MOST", 40)
    rows, score = pool()
    known = pool(seed=4)[0]
    first = choose("coverage", rows, score, 12, known)
    shuffle = np.random.default_rng(0).permutation(200)
    again = choose("coverage", rows.take(shuffle), score[shuffle], 12, known.take(shuffle))
    assert shuffle[again].tolist() == first
    assert len(first) == 12


# -- cost-aware ------------------------------------------------------------------------------------------------------


def priced(seed=0, images=10):
    """Rows whose answers cost a click a pixel at edges; the score says nothing of it."""
    rows, score = pool(images=images, seed=seed)
    rng = np.random.default_rng(seed)
    rows.arrays |= {"edges": rng.random((len(rows), 1)), "value": score, "share": rng.dirichlet([1, 1, 1], len(rows))}
    clicks = 16 * rows.arrays["edges"][:, 0] + rng.normal(0, 0.1, len(rows))
    return rows, score, clicks


def test_cost_aware_is_the_product_of_ranks_with_what_earlier_answers_cost():
    rows, score, clicks = priced()
    known, _, paid = priced(seed=1, images=2)
    known.arrays["paid"] = np.where(np.arange(40) % 4 > 0, paid, np.nan)
    cheap = 1 - clicks.argsort().argsort() / 200
    expected = np.argsort(-score.argsort().argsort() * cheap)
    picked = choose("cost-aware", rows, score, 30, known)
    assert len(set(picked) & set(expected[:30].tolist())) >= 27
    assert clicks[picked].mean() < 0.6 * clicks.mean()
    assert score[picked].mean() > 1.2 * score.mean()


def test_cost_aware_follows_the_score_while_few_costs_are_known():
    rows, score, _ = priced()
    assert choose("cost-aware", rows, score, 30) == np.argsort(-score)[:30].tolist()
    known, _, paid = priced(seed=1, images=2)
    known.arrays["paid"] = np.where(np.arange(40) < 9, paid, np.nan)
    assert choose("cost-aware", rows, score, 30, known) == np.argsort(-score)[:30].tolist()
