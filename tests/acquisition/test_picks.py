from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import picks
from seglens.types import Allowance, Chance, RoundState, Rows, Unit

CHANCE = Chance((0, 1, "pick"))


def pool(images=10, regions=20, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    names = np.repeat(np.array([f"image {n:02d}" for n in range(images)], object), regions)
    count = images * regions
    sizes = np.full(count, 10)
    rows = Rows(names, np.tile(np.arange(regions, dtype=np.int32), images), sizes, sizes)
    rows.arrays["by_class"] = np.zeros((count, classes), np.float32)
    return rows, rng.random(count)


def choose(name, rows, score, amount, round=3, rounds=4, chance=CHANCE, **params):
    pick = picks.build(PartConfig(name=name, **params), None)
    return pick.choose(
        rows, score, Allowance(Unit.CLICKS, amount, np.ones(len(rows))), RoundState(round, rounds, 4), chance
    )


def test_top_is_the_highest_over_the_whole_pool():
    rows, score = pool()
    assert choose("top", rows, score, 25) == np.argsort(-score)[:25].tolist()


def test_top_breaks_ties_by_image_and_region():
    rows, _ = pool(images=2, regions=3)
    assert choose("top", rows.take(np.array([5, 1, 3, 0])), np.zeros(4), 3) == [3, 1, 2]


def test_top_caps_an_image():
    rows, score = pool()
    score[:20] += 10
    picked = choose("top", rows, score, 12, per_image=3)
    assert Counter(rows.images[picked])["image 00"] == 3
    assert max(Counter(rows.images[picked]).values()) == 3


def test_top_share_draws_by_chance_from_the_best():
    rows, score = pool()
    best = set(np.argsort(-score)[:50].tolist())
    picked = choose("top", rows, score, 25, share=0.25)
    assert set(picked) <= best
    assert picked != choose("top", rows, score, 25, share=0.25, chance=Chance((1,)))
    assert set(choose("top", rows, score, 60, share=0.25)) == set(np.argsort(-score)[:60].tolist())


def test_top_by_sum_counts_pixels():
    rows, score = pool()
    rows.sizes = np.random.default_rng(1).integers(1, 500, len(rows))
    summed = score * rows.sizes
    picked = choose("top", rows, score, 25, rank="sum")
    assert picked == np.argsort(-summed)[:25].tolist()
    assert picked != choose("top", rows, score, 25)


@pytest.mark.parametrize("rank", ["mean", "sum"])
@pytest.mark.parametrize("per_image", [None, 3])
def test_top_by_image_takes_the_images_with_the_best_means(rank, per_image):
    rows, score = pool(images=6, regions=7)
    keep = np.random.default_rng(2).permutation(42)[:33]  # images of unlike many rows, in any order
    rows, score = rows.take(keep), score[keep]
    rows.sizes = np.random.default_rng(3).integers(1, 500, 33)
    value = score * rows.sizes if rank == "sum" else score
    best = {}
    for name in set(rows.images):
        mine = sorted(np.flatnonzero(rows.images == name), key=lambda row: -value[row])[:per_image]
        best[name] = (np.mean(value[mine]), mine)
    expected = [row for name in sorted(best, key=lambda name: -best[name][0]) for row in best[name][1]]
    params = {"rank": rank, "by": "image", "per_image": per_image}
    assert choose("top", rows, score, 99, **params) == expected
    assert choose("top", rows, score, 10, **params) == expected[:10]


def test_top_by_image_draws_images_by_chance_from_the_best():
    rows, score = pool()
    strict = choose("top", rows, score, 200, by="image")
    drawn = choose("top", rows, score, 200, by="image", share=0.5)
    assert set(rows.images[drawn[:100]]) == set(rows.images[strict[:100]])
    assert [rows.images[row] for row in drawn[:100]] != [rows.images[row] for row in strict[:100]]
    assert drawn[100:] == strict[100:]
    assert drawn != choose("top", rows, score, 200, by="image", share=0.5, chance=Chance((1,)))


def test_rows_too_dear_are_passed_over():
    rows, _ = pool(images=1, regions=4)
    pick = picks.build(PartConfig(name="top"), None)
    budget = Allowance(Unit.PIXELS, 10.0, np.array([8.0, 5.0, 2.0, 1.0]))
    assert pick.choose(rows, np.array([4.0, 3.0, 2.0, 1.0]), budget, RoundState(1, 2, 4), CHANCE) == [0, 2]


def test_stratified_gives_each_class_its_part():
    rows, score = pool()
    dominant = np.arange(200) % 100 // 25 * (np.arange(200) >= 100)  # classes 1 to 3 only in half of the pool
    rows.arrays["by_class"][np.arange(200), dominant] = score
    score = score + 5 * (dominant == 0)  # the ranking alone would take class 0 only
    picked = choose("stratified", rows, score, 40, per_image=None)
    counts = Counter(dominant[picked].tolist())
    # 0.66 * 40 / 4 = 6.6 a class, what is too small for a question goes on: 6, 7, 6, 7 in an order drawn by chance.
    assert all(counts[c] in (6, 7) for c in (1, 2, 3))
    assert len(picked) == 40
    only_top = choose("stratified", rows, score, 40, share=0.0, per_image=None, last_beta=1e6, first_beta=1e6)
    assert Counter(dominant[only_top].tolist()) == {0: 40}


def test_stratified_explores_less_as_rounds_go_on():
    rows, score = pool(images=40, regions=50)
    score = score * 0.9 + 0.1
    means = [
        np.mean([score[choose("stratified", rows, score, 50, round=r, chance=Chance((s,)))].mean() for s in range(5)])
        for r in (0, 2, 3)
    ]
    assert means[0] < means[1] < means[2]
    assert means[2] > 0.97


def test_stratified_without_values_by_class_is_score_with_noise():
    rows, score = pool()
    rows.arrays = {}
    late = choose("stratified", rows, score, 30, first_beta=1e9, last_beta=1e9, per_image=None)
    assert late == np.argsort(-score)[:30].tolist()


def test_stratified_caps_an_image_but_spends_the_budget():
    rows, score = pool()
    score[:20] += 1e6
    picked = choose("stratified", rows, score, 20, per_image=3.0)
    assert Counter(rows.images[picked])["image 00"] == 6  # three times the mean quota of two
    one = rows.take(np.arange(20))
    assert len(choose("stratified", one, score[:20], 20, per_image=0.5)) == 20


def test_stratified_takes_zero_and_negative_scores():
    rows, _ = pool()
    assert len(choose("stratified", rows, np.zeros(200), 30)) == 30
    assert len(choose("stratified", rows, -np.ones(200), 30)) == 30


def test_stratified_noise_is_of_the_row_not_of_its_place():
    rows, score = pool()
    shuffle = np.random.default_rng(3).permutation(200)
    first = choose("stratified", rows, score, 30, round=0)
    second = choose("stratified", rows.take(shuffle), score[shuffle], 30, round=0)
    assert shuffle[second].tolist() == first


def test_spread_visits_images_in_order_round_robin():
    rows, score = pool(images=4, regions=5)
    rank = np.array([2, 0, 3, 1])
    rows.arrays["order"] = rank[np.arange(20) // 5].astype(float)
    picked = choose("spread-images", rows, score, 9)
    visited = [f"image {n:02d}" for n in (1, 3, 0, 2)]
    assert rows.images[picked].tolist() == [*visited, *visited, visited[0]]
    for place in range(4):
        mine = np.flatnonzero(rows.images == visited[place])
        assert picked[place] == mine[score[mine].argmax()]


def test_spread_is_even_without_an_order():
    rows, score = pool()
    picked = choose("spread-images", rows, score, 30)
    assert set(Counter(rows.images[picked]).values()) == {3}
    other = choose("spread-images", rows, score, 5, chance=Chance((9,)))
    assert rows.images[other].tolist() != rows.images[picked[:5]].tolist()


def test_bad_values_are_refused():
    from seglens.types import SeglensError

    with pytest.raises(SeglensError, match="per_image"):
        choose("top", *pool(), 3, per_image=0)
