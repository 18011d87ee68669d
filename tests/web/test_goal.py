"""The run's own id, and how far it is to its goal, in the budget's unit: from the server and on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import Desk, nearby, stored, until, wait_for_people
from playwright.sync_api import BrowserContext
from served import page

CELL = 32 * 32
IMAGE = 64 * 96


@pytest.mark.parametrize(
    ("budget", "paid", "words"),
    [
        ({"unit": "image-equivalents", "initial": 2, "per_round": 1}, 2 * CELL / IMAGE, "0.33 of 3 image-equivalents"),
        ({"unit": "pool-share", "initial": 0.4, "per_round": 0.1}, 2 * CELL / IMAGE / 6, "5.56 % of 50 % of the pool"),
        ({"unit": "images", "initial": 2, "per_round": 1}, 2, "2 of 3 images"),
        ({"unit": "clicks", "initial": 12, "per_round": 4}, 7, "7 of 16 clicks"),
    ],
    ids=lambda value: value["unit"] if isinstance(value, dict) else "",
)
def test_the_goal_is_shown_in_the_budgets_own_unit(
    tmp_path: Path, context: BrowserContext, budget: dict[str, Any], paid: float, words: str
) -> None:
    whole = budget["unit"] == "images"
    cut = "image" if whole else {"name": "grid", "rows": 2, "columns": 3}
    run = wait_for_people(tmp_path, budget=budget, cut=cut, answer="dense" if whole else "dominant-class")
    with page(run) as client:
        for seconds in (0.5, 1.1):
            asked = client.post("/api/claim", json={}).json()
            runs = {"runs_by_class": [[1, asked["region"]["runs"]]]}
            said: dict[str, Any] = {"mask": runs} if whole else {"classes": [1]}
            said |= {"revision": 1, "seconds": seconds, "clicks": 3 + (seconds > 1)}
            assert client.post(f"/api/questions/{asked['id']}/answer", json=said).status_code == 200
        spent = client.get("/api/status").json()["spent"]
    assert spent[budget["unit"]] == pytest.approx(paid)
    assert len(stored(run)) == 2
    with nearby(run) as url:
        desk = Desk(context, url)
        until(lambda: "goal" in desk.at("progress").inner_text(), 20, "the goal")
        assert f"goal {words}" in desk.at("progress").inner_text()


def test_short_times_have_a_decimal(context: BrowserContext, tmp_path: Path) -> None:
    run = wait_for_people(tmp_path)
    with nearby(run) as url:
        desk = Desk(context, url)
        said = desk.page.evaluate(
            "import('/static/js/dom.js').then(({ duration }) => [0, 0.43, 3, 9.94, 9.96, 59, 125].map(duration))"
        )
    assert said == ["0 s", "0.4 s", "3 s", "9.9 s", "10 s", "59 s", "2 min"]


def test_two_runs_called_the_same_share_nothing_in_the_browser(tmp_path: Path, context: BrowserContext) -> None:
    ids = set()
    for folder in ("one", "other"):
        run = wait_for_people(tmp_path / folder)
        with page(run) as client:
            found = client.get("/api/run").json()
            assert found["name"] == "run"
            assert len(found["id"]) == 32
        with nearby(run) as url:  # another server on the same run knows it by the same id
            desk = Desk(context, url)
            assert desk.page.evaluate("window.seglens.session.outbox.run").startswith(f"{found['id']}/")
        ids.add(found["id"])
    assert len(ids) == 2
