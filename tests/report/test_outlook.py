from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from seglens.functional.forecast import expected
from seglens.report.outlook import STEPS, fan
from seglens.report.page import charts, page
from seglens.report.view import RunView

Maker = Callable[..., Path]


def test_the_fan_goes_on_from_the_last_round(make_run: Maker) -> None:
    view = RunView.load(make_run())
    found = fan(view)
    last, before = view.measured[-1], view.measured[-2]
    assert found is not None
    assert found.points[0] == (last.clicks, last.miou, last.miou, last.miou)
    step = last.clicks - before.clicks
    assert [p[0] for p in found.points] == [last.clicks + n * step for n in range(STEPS + 1)]
    curve = [np.array(values) for values in zip(*((r.clicks, r.miou) for r in view.measured), strict=True)]
    assert found.points[1][1] == expected(*curve, np.array([last.clicks + step]))[0]
    assert all(low < middle < high for _, middle, low, high in found.points[1:])


def test_one_run_has_a_fan_and_several_have_none(make_run: Maker) -> None:
    one, other = (RunView.load(make_run(f"run {seed}", seed=seed)) for seed in (0, 1))
    assert [str(chart).count('class="fan"') for chart in charts([one])] == [1, 0]
    assert [str(chart).count('class="fan"') for chart in charts([one, other])] == [0, 0]
    assert "The shaded fan" in page([one])
    assert "The shaded fan" not in page([one, other])


def test_one_round_tells_nothing(make_run: Maker) -> None:
    assert fan(RunView.load(make_run(rounds=1))) is None
