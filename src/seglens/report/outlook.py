"""Where a run's learning curve should go next, as a fan to draw."""

from __future__ import annotations

import numpy as np

from seglens.functional.forecast import expected, interval, rising
from seglens.report.charts import Fan
from seglens.report.view import RunView

STEPS = 2
"""Rounds ahead that are drawn, each of the last round's clicks."""


def fan(view: RunView) -> Fan | None:
    """The mIoU to expect of the next clicks, opening at the last measured round; None for less than two of them."""
    spent, miou = rising([(r.clicks, r.miou) for r in view.measured if r.miou is not None])
    if len(spent) < 2:
        return None
    at = spent[-1] + (spent[-1] - spent[-2]) * np.arange(1, STEPS + 1)
    low, high = interval(spent, miou, at)
    rows = np.column_stack([at, expected(spent, miou, at), low, high]).tolist()
    last = float(miou[-1])
    return Fan("expected next, with its 80 % interval", ((float(spent[-1]), last, last, last), *map(tuple, rows)))
