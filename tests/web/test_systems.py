"""The published systems that people answer, from the page, to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import Desk, serving, stored, stored_mask, until
from playwright.sync_api import BrowserContext

from seglens.functional.run_lengths import decode
from seglens.types import Answered, ByteArray

CPRAL = {
    "answer": "dense", "score": {"name": "vote-entropy", "passes": 2}, "pick": "top",
    "cut": {"name": "gaussian-window", "height_fraction": 0.25, "kernel": "cumulative"}, "settle": "contextual",
    "model": {"name": "fpn", "size": [64, 96], "width": 32, "dropout": 0.2},
}  # fmt: skip
SEGXAL = {
    "answer": "mask", "score": "explainable-error", "cut": {"name": "object", "segments": 24}, "pick": "top",
    "settle": "dice-gate",
}  # fmt: skip


@pytest.mark.parametrize("system", [CPRAL, SEGXAL], ids=["cpral", "segxal-manual"])
def test_answered_from_the_page_to_the_end(
    system: dict[str, object], waiting: Callable[..., Path], context: BrowserContext
) -> None:
    run = waiting(**system, budget={"unit": "image-equivalents", "initial": 1, "per_round": 0.25})
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
