"""Charts: where points land, and what is said of them."""

from __future__ import annotations

import re
from itertools import count, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seglens.report.charts import BOTTOM, HEIGHT, LEFT, Axis, Fan, Series, line_chart, sparkline, ticks

X, Y = Axis("clicks", lambda v: f"{v:.0f}"), Axis("mIoU", lambda v: f"{v:.2f}")


@example(5e-324, 0.0, 2)
@example(1e-10, 0.0, 5)
@given(st.floats(-1e3, 1e5), st.just(0.0) | st.floats(1e-2, 1e6), st.integers(2, 8))
def test_ticks_cover_their_range_evenly(low: float, span: float, about: int) -> None:
    found = ticks(low, low + span, about)
    slack = 1e-6 * max(1.0, abs(low), span)
    assert found[0] <= low + slack
    assert found[-1] >= low + span - slack
    assert 2 <= len(found) <= 2 * about + 4
    steps = [b - a for a, b in pairwise(found)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


def test_ticks_refuse_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="finite"):
        ticks(0.0, float("nan"))


def test_points_stand_where_the_axes_say() -> None:
    """The tick labels and the markers share one scale: read the figures back from the picture."""
    series = Series("default", ((100, 0.2), (250, 0.4), (400, 0.6)))
    tree = ElementTree.fromstring(line_chart([series], X, Y, "Quality", count(), ("full", 0.6)))
    texts = [(e.text, float(e.get("x")), float(e.get("y"))) for e in tree.iter("text") if e.get("class") == "tick"]
    across = {float(t): x for t, x, _ in texts if "." not in t}
    up = {float(t): y - 4 for t, _, y in texts if "." in t}
    assert (across[0], up[0.2]) == (LEFT, HEIGHT - BOTTOM)
    scale_x = (across[400] - across[0]) / 400
    scale_y = (up[0.6] - up[0.2]) / 0.4
    marks = [re.findall(r"[\d.]+", e.get("transform")) for e in tree.iter("g")]
    for (x, y), (clicks, miou) in zip(marks, series.points, strict=True):
        assert (float(x) - across[0]) / scale_x == pytest.approx(clicks, abs=1)
        assert 0.2 + (float(y) - up[0.2]) / scale_y == pytest.approx(miou, abs=0.005)
    level = next(e for e in tree.iter("path") if e.get("class") == "level")
    assert float(re.findall(r"[\d.]+", level.get("d"))[1]) == pytest.approx(up[0.6], abs=0.1)


def test_a_chart_says_what_it_shows() -> None:
    lines = [Series("a", ((1, 0.2), (2, 0.5))), Series("<b>", ((1, 0.1), (2, 0.3)))]
    svg = str(line_chart(lines, X, Y, "Quality", count(7), ("full", 0.6)))
    tree = ElementTree.fromstring(svg)
    assert tree.get("role") == "img"
    assert tree.get("aria-labelledby") == "t7 d7"
    assert (
        tree.find("desc").text == "mIoU against clicks. a: 0.20 at 1, 0.50 at 2; <b>: 0.10 at 1, 0.30 at 2; full: 0.60."
    )


def test_nothing_measured_is_said_in_words() -> None:
    assert "nothing measured yet" in line_chart([Series("a", ())], X, Y, "Quality", count())


def test_one_point_is_drawn() -> None:
    svg = str(line_chart([Series("a", ((5, 0.5),))], X, Y, "Quality", count()))
    assert "nan" not in svg
    assert svg.count("<circle") == 1


def test_a_sparkline_needs_two_values() -> None:
    assert sparkline([None, 0.5]) == ""
    path = ElementTree.fromstring(sparkline([0.0, None, 1.0])).findall("path")[1].get("d")
    assert path == "M2.0 18.0 L62.0 2.0"


def test_a_fan_opens_at_the_last_point_and_is_read_out() -> None:
    ahead = Fan("next", ((300, 0.4, 0.4, 0.4), (450, 0.5, 0.3, 0.8)))
    tree = ElementTree.fromstring(
        line_chart([Series("a", ((100, 0.2), (300, 0.4)))], X, Y, "Quality", count(), fan=ahead)
    )
    area = next(e for e in tree.iter("g") if e.get("class") == "fan").find("path")
    middle, line = (next(e for e in tree.iter("path") if e.get("class") == name) for name in ("level", "s0 line"))
    corners = re.findall(r"([\d.]+) ([\d.]+)", area.get("d"))
    assert corners[0] == corners[-1] == re.findall(r"([\d.]+) ([\d.]+)", line.get("d"))[-1]
    low, high = (float(y) for _, y in corners[1:3])
    mid = float(re.findall(r"([\d.]+) ([\d.]+)", middle.get("d"))[-1][1])
    assert (low - mid) / (low - high) == pytest.approx(0.4, abs=0.01)
    assert "next: 0.50 (0.30 to 0.80) at 450" in tree.find("desc").text
