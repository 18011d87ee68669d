"""Where rows stand: summary, one row against others, penalties, and the results file, worked out again by hand."""

from __future__ import annotations

import dataclasses
import statistics
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small import figures, results
from test_kinds import line

from seglens.bench.kinds import KINDS
from seglens.bench.penalty import penalties
from seglens.bench.plan import FULL, TablePlan
from seglens.bench.results import Results, plain
from seglens.bench.table import Range, Table, to_markdown

SEEDS = range(5)
NOISE = (0.004, -0.003, 0.001, 0.002, -0.004)
CLICKS = (100, 200, 300, 400)
MEANS = {"chance": (0.3, 0.4, 0.45, 0.5), "good": (0.3, 0.5, 0.58, 0.62), "alike": (0.3, 0.41, 0.45, 0.5)}


def five(answer: str = "dominant-class", **plan: Any) -> Results:
    """Five seeds; full supervision 0.6; 'good' is better everywhere but at the shared first point."""
    rng = np.random.default_rng(0)
    found = {FULL: [figures(s, [(9000, 0.6)]) for s in SEEDS]}
    for row, means in MEANS.items():
        jitter = 0.01 * rng.normal(size=(5, 4)) if row == "alike" else np.zeros((5, 4))
        made = [
            [(c, m + NOISE[s] * (1 + (row == "good") * n / 9) + jitter[s][n] * (n > 0))]
            for s in SEEDS
            for n, (c, m) in enumerate(zip(CLICKS, means, strict=True))
        ]
        found[row] = [figures(s, [point for (point,) in made[4 * s : 4 * s + 4]], answer=answer) for s in SEEDS]
    return results(found, **({"reference": "chance", "full": {}, "axes": ["clicks"]} | plan))


def made(kind: str, of: Results | None = None, **plan: Any) -> Table:
    return KINDS[kind](TablePlan(kind=kind, **plan), of or five())  # type: ignore[arg-type]


def by_seed(found: Results, row: str) -> np.ndarray:
    return np.array([[r.miou for r in run.rounds] for run in found.rows[row]])


def areas(values: np.ndarray) -> np.ndarray:
    return (values[:, 1:] + values[:, :-1]).mean(1) / 2  # even steps


def holm_by_hand(ps: list[float]) -> list[float]:
    order = np.argsort(ps)
    found = np.empty(len(ps))
    found[order] = np.minimum(np.maximum.accumulate((len(ps) - np.arange(len(ps))) * np.array(ps)[order]), 1)
    return found.tolist()


def test_the_summary_is_a_line_a_row() -> None:
    of = five()
    found = made("summary", of)
    assert [row[0] for row in found.rows] == list(MEANS)
    good = line(found, "good")
    values = by_seed(of, "good")
    assert good["seeds"] == 5
    assert good["mIoU at 400 clicks"] == pytest.approx(
        (100 * values[:, 3].mean(), 100 * statistics.stdev(values[:, 3]), 5)
    )
    assert good["AUBC"] == pytest.approx((100 * areas(values).mean(), 100 * statistics.stdev(areas(values)), 5))
    gain = areas(values) - areas(by_seed(of, "chance"))
    assert good["AUBC less chance"] == pytest.approx((100 * gain.mean(), 100 * statistics.stdev(gain), 5))
    ps = [stats.ttest_rel(areas(by_seed(of, row)), areas(by_seed(of, "chance"))).pvalue for row in ("good", "alike")]
    assert good["p"][0] == pytest.approx(ps[0])
    assert good["Holm p"][0] == pytest.approx(holm_by_hand(ps)[0])
    # the mean curve: 0.54 on the way from 0.5 to 0.58, 0.57 likewise
    assert good["clicks to 90 %"][0] == pytest.approx(np.interp(0.54, values.mean(0), CLICKS))
    assert good["clicks to 95 %"][0] == pytest.approx(np.interp(0.57, values.mean(0), CLICKS))
    assert good["pixels to 95 %, % of the pool"][0] == pytest.approx(good["clicks to 95 %"][0])
    assert good["clicks saved over chance, %"][0] == pytest.approx(100 * (1 - 200 / 400), abs=0.5)
    assert good["choosing, s an iteration"] == pytest.approx((1.5, 0, 5))
    chance = line(found, "chance")
    assert (chance["AUBC less chance"], chance["p"], chance["clicks saved over chance, %"]) == (None, None, None)
    assert chance["clicks to 90 %"] == "not reached"
    assert "over the 2 comparisons" in found.note
    assert "linear scale" in found.note


def test_geometric_budgets_are_taken_in_logarithms_and_it_says_so() -> None:
    rows = {
        row: [figures(s, [(10 * 2**n, 0.2 + (n > 0) * 0.1 * (row == "good")) for n in range(4)]) for s in SEEDS]
        for row in ("chance", "good")
    }
    found = made("summary", results(rows, reference="chance", axes=["clicks"]))
    assert line(found, "good")["AUBC less chance"][0] == pytest.approx(10 * (0.5 + 2) / 3)
    assert "logarithm of clicks" in found.note
    assert line(found, "good")["clicks to 90 %"] == "–"  # nobody knows what full supervision reaches
    assert plain(results(rows, reference="chance"))["aubc_scale"] == "logarithm of clicks"


def test_rows_beyond_the_reference_do_not_set_the_common_budget() -> None:
    of = five()
    rows = {**of.rows, "images": [figures(s, [(5000, 0.4), (9000, 0.5)]) for s in SEEDS]}
    rows["short"] = [figures(s, [(100, 0.3), (250, 0.4)]) for s in SEEDS]
    found = made("summary", results(rows, reference="chance", full={}))
    assert line(found, "chance")["mIoU at 250 clicks"][0] == pytest.approx(42.5, abs=0.1)
    images = line(found, "images")
    assert (images["mIoU at 250 clicks"], images["AUBC less chance"]) == (None, None)
    assert images["clicks saved over chance, %"][0] == pytest.approx(100 * (1 - 9000 / 400), rel=0.01)


def test_one_row_against_every_other_at_five_seeds() -> None:
    of = five()
    found = made("against", of, against="good")
    assert [row[0] for row in found.rows] == ["chance, at equal clicks", "alike, at equal clicks"]
    gains = {row: areas(by_seed(of, "good")) - areas(by_seed(of, row)) for row in ("chance", "alike")}
    ps = [stats.ttest_1samp(gain, 0).pvalue for gain in gains.values()]
    for row, p, corrected in zip(gains, ps, holm_by_hand(ps), strict=True):
        at = line(found, f"{row}, at equal clicks")
        assert at["good less it"] == pytest.approx((100 * gains[row].mean(), 100 * statistics.stdev(gains[row]), 5))
        assert (at["p"][0], at["Holm p"][0]) == pytest.approx((p, corrected))
        assert at["good is"] == "better"
        low, high = stats.ttest_1samp(100 * gains[row], 0).confidence_interval(0.95)
        assert isinstance(at["95 % interval"], Range)
        assert (at["95 % interval"].low, at["95 % interval"].high) == pytest.approx((low, high))
    assert "clicks: 2 comparisons" in found.note
    other = line(made("against", of), "alike, at equal clicks")  # the reference against it
    assert other["chance is"] == "no verdict"


def test_against_says_where_nothing_overlaps() -> None:
    of = five()
    rows = {**of.rows, "images": [figures(s, [(5000, 0.4), (9000, 0.5)]) for s in SEEDS]}
    found = made("against", results(rows, reference="chance", full={}, axes=["clicks"]), against="good")
    assert line(found, "images, at equal clicks")["good less it"] == "no overlap"
    assert "clicks: 2 comparisons" in found.note


@pytest.mark.parametrize("seed", range(6))
def test_penalties_are_counted_comparison_by_comparison(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 0.01, (4, 5, 6)) + rng.normal(0, 0.05, (4, 1, 6))
    values[:, :, -1] += 0.3  # as good as full supervision
    values[1, :, 2] = values[0, :, 2] + 0.1  # does not vary
    made = results(
        {f"r{i}": [figures(s, [(c, v) for c, v in enumerate(values[i, s])]) for s in SEEDS] for i in range(4)}
    )
    found = penalties([made.curves(f"r{i}", "clicks") for i in range(4)], range(1, 6), 0.6)
    tests = []
    for budget in range(1, 6):
        for i, j in combinations(range(4), 2):
            one, other = values[i, :, budget], values[j, :, budget]
            if min(one.mean(), other.mean()) >= 0.99 * 0.6:
                continue
            p = 1.0 if np.ptp(one - other) < 1e-9 else float(stats.ttest_rel(one, other).pvalue)
            tests.append((i, j, one.mean() - other.mean(), p))
    corrected = holm_by_hand([p for *_, p in tests])
    before, after = np.zeros((4, 4)), np.zeros((4, 4))
    for (i, j, gap, p), holm in zip(tests, corrected, strict=True):
        winner = (i, j) if gap > 0 else (j, i)
        before[winner] += (p < 0.05) / 5
        after[winner] += (holm < 0.05) / 5
    assert found.comparisons == len(tests)
    assert found.saturated == 30 - len(tests) >= 6
    np.testing.assert_allclose(found.before, before)
    np.testing.assert_allclose(found.wins, after)
    assert before.sum() > after.sum() > 0


def test_the_penalty_table_names_its_test_and_skips_the_shared_point() -> None:
    found = made("penalty")
    good, alike = line(found, "good, at equal clicks"), line(found, "alike, at equal clicks")
    assert good["beats chance"][0] == pytest.approx(1)  # 'chance' at 0.5 is not saturated at any budget
    assert good["losses"][0] == 0
    assert good["wins"][0] == pytest.approx((1 + good["beats alike"][0]) / 2)
    assert alike["losses"][0] == pytest.approx(good["beats alike"][0] / 2)
    assert good["beats good"] is None
    assert "two-sided paired t-test" in found.note
    assert "9 comparisons at 3 budgets" in found.note
    assert "| good, at equal clicks | 5 | 1.00 |" in to_markdown(found)


def test_rows_that_never_meet_have_no_share() -> None:
    of = five()
    rows = {**of.rows, "images": [figures(s, [(5000, 0.4), (9000, 0.5)]) for s in SEEDS]}
    found = made("penalty", results(rows, reference="chance", full={}, axes=["clicks"]))
    images, good = line(found, "images, at equal clicks"), line(found, "good, at equal clicks")
    assert (images["beats good"], images["wins"], images["losses alone"]) == (None, None, None)
    assert good["beats images"] is None
    assert good["wins"] == line(made("penalty"), "good, at equal clicks")["wins"]


def test_the_results_file_tells_every_preset() -> None:
    of = five()
    told = plain(of)
    assert set(told["presets"]) == set(MEANS)
    good = told["presets"]["good"]
    assert good["seeds"] == list(SEEDS)
    assert good["miou"] == by_seed(of, "good").tolist()
    assert good["clicks"] == [list(CLICKS)] * 5
    assert good["pixels"][0] == [1000 * c for c in CLICKS]
    assert good["aubc"] == pytest.approx(areas(by_seed(of, "good")).mean())
    assert good["aubc_gain_over_chance"] == pytest.approx(
        (areas(by_seed(of, "good")) - areas(by_seed(of, "chance"))).mean()
    )
    assert good["aubc_gain_over_chance_p"] < good["aubc_gain_over_chance_holm_p"] < 0.05
    assert good["clicks_to_95_by_seed"] == [
        pytest.approx(np.interp(0.57, values, CLICKS)) for values in by_seed(of, "good")
    ]
    assert told["presets"]["chance"]["clicks_to_90"] is None
    chance = told["presets"]["chance"]
    assert (chance["aubc_gain_over_chance"], chance["aubc_gain_over_chance_p"]) == (0.0, None)
    assert told["clicks_to_95"] == good["clicks_to_95"]
    assert told["pixels_to_95"] is None  # nobody draws
    drawn = plain(five(answer="dense"))
    assert (
        drawn["pixels_to_95"] == drawn["presets"]["good"]["pixels_to_95"] == pytest.approx(1000 * good["clicks_to_95"])
    )
    assert drawn["pixel_share_to_95"] == pytest.approx(good["clicks_to_95"] / 100)


def test_the_gain_is_named_after_the_reference() -> None:
    rows = {name: [figures(s, [(10, 0.2), (20, 0.3 + s)]) for s in (0, 1)] for name in ("a", "random superpixels")}
    told = plain(results(rows, reference="random superpixels"))["presets"]["a"]
    assert told["aubc_gain_over_random_superpixels"] == 0
    assert told["aubc_gain_over_random_superpixels_p"] == 1  # the same by construction
    alone = plain(results({"a": rows["a"]}))["presets"]["a"]
    assert not any(key.startswith("aubc_gain") for key in alone)


def test_unmeasured_rounds_do_not_move_the_mean_curve() -> None:
    of = five()
    first = of.rows["good"][0]
    holes = (dataclasses.replace(first.rounds[0], miou=None), *first.rounds[1:])
    rows = {**of.rows, "good": [dataclasses.replace(first, rounds=holes), *of.rows["good"][1:]]}
    told = plain(results(rows, reference="chance", full={}))["presets"]["good"]
    assert told["clicks_to_95"] == pytest.approx(plain(of)["presets"]["good"]["clicks_to_95"])
