"""Two rows against each other: SciPy's paired t-test, and who is compared with whom."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from small import figures, results

from seglens.bench.figures import RunFigures
from seglens.bench.results import plain
from seglens.bench.sources import Source, read_source
from seglens.bench.versus import AXES, pair_up, versus
from seglens.types import SeglensError


def noisy(gain: float, seeds: range, steps: tuple[int, ...] = (10, 20, 30)) -> list[RunFigures]:
    """Runs whose mIoU rises by steps, with noise of their own."""
    chance = [np.random.default_rng([seed, round(1000 * gain)]) for seed in seeds]
    return [
        figures(seed, [(at, 0.2 + at / 100 + gain + 0.01 * c.normal()) for at in steps])
        for seed, c in zip(seeds, chance, strict=True)
    ]


def test_the_figures_are_scipys() -> None:
    one, other = noisy(0.02, range(12)), noisy(0.0, range(2, 14))
    found = versus(one, other, AXES["clicks"], 3)

    a = [np.trapezoid([r.miou for r in run.rounds if r.miou is not None], [10, 20, 30]) / 20 for run in one[2:]]
    b = [np.trapezoid([r.miou for r in run.rounds if r.miou is not None], [10, 20, 30]) / 20 for run in other[:10]]
    test = stats.ttest_rel(a, b)
    low, high = test.confidence_interval(0.95)
    assert found.found is not None
    assert (found.found.mean, found.found.low, found.found.high) == pytest.approx((np.mean(a) - np.mean(b), low, high))
    assert found.p == pytest.approx(test.pvalue)
    assert (found.found.n, found.found.verdict) == (10, "better" if test.pvalue < 0.05 else "no verdict")
    ends = [x.last.iou[1] - y.last.iou[1] for x, y in zip(one[2:], other[:10], strict=True)]  # type: ignore[operator]
    assert found.classes[1] is not None
    assert found.classes[1].mean == pytest.approx(np.mean(ends))
    assert found.classes[2] is None


def test_the_end_is_that_of_the_common_range() -> None:
    one = [figures(0, [(10, 0.2), (30, 0.4), (50, 0.9)])]
    other = [figures(0, [(20, 0.1), (40, 0.3)])]
    found = versus(one, other, AXES["pixels"], 3)
    assert (found.known[0].low, found.known[0].high) == (20, 40)
    assert found.end is not None
    assert found.end.mean == pytest.approx(0.65 - 0.3)
    assert found.p is None
    assert json.dumps(found.plain(), allow_nan=False)
    assert versus(one, [figures(0, [(60, 0.1)])], AXES["clicks"], 3).known == []
    with pytest.raises(SeglensError, match=r"no seed in common: \[0\] and \[1\]"):
        versus(one, [figures(1, [(20, 0.1)])], AXES["clicks"], 3)


def test_sources_are_files_and_rows_of_them(tmp_path: Path) -> None:
    found = results({"a: b": noisy(0.1, range(2)), "c": noisy(0.2, range(2))})
    path = tmp_path / "x:y.json"
    path.write_text(json.dumps(plain(found)))
    whole, row = read_source(str(path)), read_source(f"{path}:a: b")
    assert whole.rows == {"a: b": tuple(noisy(0.1, range(2))), "c": tuple(noisy(0.2, range(2)))}
    assert list(row.rows) == ["a: b"]
    assert pair_up(row, whole) == [("a: b", "a: b")]
    assert pair_up(whole, whole) == [("a: b", "a: b"), ("c", "c")]
    assert pair_up(row, read_source(f"{path}:c")) == [("a: b", "c")]
    with pytest.raises(SeglensError, match="no row of the same name"):
        pair_up(row, Source("z", {"d": (), "e": ()}, row.classes, row.eval_images))
    with pytest.raises(SeglensError, match="measured on other images or classes"):
        pair_up(row, Source("z", row.rows, row.classes, 1))
    path.write_text("{}")
    with pytest.raises(SeglensError, match="neither the JSON"):
        read_source(str(path))
