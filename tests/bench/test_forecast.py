from __future__ import annotations

import numpy as np
import pytest

from seglens.bench.forecast import ROUNDS, History, look_ahead
from seglens.config import RunConfig
from seglens.functional.forecast import expected, interval
from seglens.types import SeglensError

SPENT, MIOU = np.array([150.0, 300.0, 450.0]), np.array([0.2, 0.28, 0.32])


def history(rate: float = 1.0, **budget: float) -> History:
    return History("run", RunConfig.model_validate({"budget": budget}), SPENT, MIOU, rate)


def test_steps_are_rounds_unless_said_otherwise() -> None:
    found = look_ahead(history(per_round=200))
    assert [step.spent for step in found.ahead] == [450 + 200 * n for n in range(1, ROUNDS + 1)]
    assert look_ahead(history(), 30).ahead[0].spent == 480
    last = found.ahead[-1]
    at = np.array([last.spent])
    assert last.miou == expected(SPENT, MIOU, at)[0]
    assert (last.low, last.high) == tuple(float(end[0]) for end in interval(SPENT, MIOU, at))
    now = expected(SPENT, MIOU, SPENT[-1:])[0]
    assert sum(step.gain for step in found.ahead) == pytest.approx(last.miou - now)


def test_a_step_is_worth_what_it_brings() -> None:
    gains = [step.gain for step in look_ahead(history()).ahead]
    assert gains == sorted(gains, reverse=True)
    per_thousand = 100 * np.array(gains) / 150 * 1000
    between = float(per_thousand[2:4].mean())
    found = look_ahead(history(), worth=between)
    assert found.asked == pytest.approx(between / 100 * 0.15)
    assert found.worth_until == 450 + 3 * 150
    assert look_ahead(history(), worth=0).worth_until is None
    assert look_ahead(history(), worth=2 * float(per_thousand[0])).worth_until == 450
    # a unit that costs three clicks must bring three times as much
    assert look_ahead(history(rate=3.0), worth=between / 3).worth_until == found.worth_until


def test_the_target_is_expected_where_the_curve_meets_it() -> None:
    target = look_ahead(history()).ahead[1].miou
    at = look_ahead(history(target_miou=target)).target_at
    assert at == pytest.approx(750)
    assert look_ahead(history(target_miou=0.25)).target_at == 300
    assert look_ahead(history(target_miou=0.9)).target_at is None
    assert look_ahead(history()).target is None


@pytest.mark.parametrize("step", [0, -5, float("nan"), float("inf")])
def test_there_is_something_to_spend(step: float) -> None:
    with pytest.raises(SeglensError, match=r"--clicks: found .*; give a number of clicks above 0"):
        look_ahead(history(), step)
