"""Labelling the audit set from the page: images that no round has looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import GRID, Desk, nearby, until
from playwright.sync_api import BrowserContext

from seglens.loop import State, drive
from seglens.store import Repository
from seglens.types import Answer, AnswerStatus, Cost, Provenance, Purpose

MAPS = ("prediction", "entropy", "score", "candidates", "proximity")


def test_an_image_without_maps_greys_its_layers_and_is_labelled(
    waiting: Callable[..., Path], context: BrowserContext
) -> None:
    budget = {"unit": "pixels", "initial": 6 * 32 * 32, "per_round": 32 * 32}
    run = waiting(answer="dense", cut=GRID, budget=budget, audit_set={"images": 2}, eval_data=None, score="entropy")
    repo = Repository.of_run(run)
    for query in repo.open_queries():
        drawn = np.arange(query.region.pixels) * 3 // query.region.pixels
        cost = Cost(3.0, float(len(drawn)), 9.0)
        said = Answer(
            query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, dense=drawn.astype(np.uint8), annotator="ana"
        )
        repo.add_answers([said])
    assert drive(run).state is State.AWAITING
    audited = [query.id for query in repo.open_queries(purpose=Purpose.AUDIT)]
    with nearby(run) as url:
        desk = Desk(context, url)
        first = desk.asked()
        assert first["purpose"] == "label"
        for name in MAPS:
            assert desk.at(f"layer-{name}").is_enabled(), name
        desk.at("layer-prediction").check()
        assert desk.at("accept").is_visible()
        desk.press("void")
        second = desk.asked(first["id"])
        assert (second["purpose"], second["id"]) == ("audit", audited[0])
        until(lambda: desk.at("layer-prediction").is_disabled(), 20, "the layers to be greyed")
        for name in MAPS:
            assert desk.at(f"layer-{name}").is_disabled(), name
        assert "audit set" in desk.page.locator(".layer-row.missing").first.get_attribute("title")
        assert not desk.at("accept").is_visible()
        desk.at("layer-labels").check()
        desk.key("Shift+Enter")  # nothing to accept: a sentence, no error
        desk.page.get_by_text("no prediction of this image").wait_for()
        desk.key("b")
        desk.key("2")
        desk.drag([(10, 10), (50, 80)])
        expected = desk.mask()
        assert "asked about after the round's other questions" in desk.at("curve").inner_text()
        desk.press("submit")
        assert desk.asked(second["id"])["id"] == audited[1]
        desk.key("3")
        desk.drag([(50, 10), (10, 80)])
        desk.press("submit")
        until(lambda: not repo.open_queries(purpose=Purpose.AUDIT), 20, "the answers")
        first_pair, _ = repo.answered(purpose=Purpose.AUDIT)
        np.testing.assert_array_equal(first_pair.answer.dense, expected.ravel())
        until(lambda: "2 of 2 images labelled" in desk.at("audit").inner_text(), 10, "the cost")
        drive(run)  # measures both rounds on them
        until(lambda: desk.points() == 2, 10, "the curve")
        drawn_line = desk.page.locator('[data-test="curve"] .interval').last
        interval = [float(drawn_line.get_attribute(f"data-{end}")) for end in ("low", "high")]
        stored = [repo.metrics(1, f"audit_miou_{end}")[0].value for end in ("low", "high")]
        assert interval == pytest.approx(stored)
        assert interval[0] < interval[1]
        said, cost = desk.at("audit").inner_text(), repo.spent(purpose=Purpose.AUDIT)
        assert f"{cost.clicks:.0f} clicks" in said
        assert "apart from the budget" in said
        assert f"2 of them, between {100 * stored[0]:.1f} and {100 * stored[1]:.1f} (95 %)" in said
        assert "on the audit set" in desk.at("curve").locator("svg").get_attribute("aria-label")
        assert desk.errors == []
    repo.close()
