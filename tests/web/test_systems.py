"""The published systems that people answer, from the page, to their end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, serving, stored, stored_mask, until
from playwright.sync_api import BrowserContext
from tiny import TINY

from seglens.cli.run import make_config
from seglens.functional.run_lengths import decode
from seglens.loop import create
from seglens.types import Answered, ByteArray

PRESETS = {
    "segxal-manual": ["cut.segments=24"],
    "cpral": ["score.passes=2", "narrow=[{name: loss-prediction, images: 4}]"],
}
"""The presets, and what makes them small enough."""
LEFT_TO_THE_PRESET = ("score", "cut", "answer", "pick", "settle", "budget", "rounds")
BUDGET = {"unit": "image-equivalents", "initial": 1, "per_round": 0.25}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_by_its_name_is_answered_from_the_page_to_the_end(
    preset: str, tmp_path: Path, context: BrowserContext
) -> None:
    run = tmp_path / "run"
    changed = {**TINY, "cache": {"dir": str(tmp_path / "cache")}}
    settings = [f"{key}={json.dumps(value)}" for key, value in changed.items() if key not in LEFT_TO_THE_PRESET]
    settings += [f"preset={preset}", "ask=human", "rounds=2", f"budget={json.dumps(BUDGET)}", *PRESETS[preset]]
    create(run, make_config(None, settings))  # as `seglens run --set` does
    with serving(run) as server:
        desk = Desk(context, server.url)
        expected: dict[str, ByteArray] = {}
        last: str | None = None

        def step() -> bool:
            nonlocal last
            if "finished" in desk.at("stagename").inner_text():
                return True
            question = desk.question
            if not question or question["id"] == last or desk.state()["sending"]:
                return False
            last = question["id"]
            top, left, bottom, right = question["region"]["box"]
            if desk.at("accept").is_visible() and question["round"]:
                desk.press("accept")
                desk.page.wait_for_timeout(300)
            desk.key("b")
            desk.key("2")
            desk.drag([((top + bottom) // 2, left + 1), ((top + bottom) // 2, right - 1)])
            if not (desk.mask() != 255).any():
                desk.press("void")
                return False
            expected[last] = desk.mask()
            desk.press("submit")
            return False

        until(step, 200, "the run to finish")
        found = stored(run)
        assert {entry.query.round for entry in found.values()} == {0, 1}
        for id, mask in expected.items():
            np.testing.assert_array_equal(stored_mask(found[id]), np.where(desk_region(found[id]), mask, 255))
        assert desk.points() == 2
        assert desk.errors == []


def desk_region(entry: Answered) -> np.ndarray:
    region = entry.query.region
    return decode(region.runs, region.size)
