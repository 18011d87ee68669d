"""What an owner does on the page: look at the people, add somebody, begin a round, log out."""

from __future__ import annotations

from pathlib import Path

from browsing import Desk, nearby, stored, until, wait_for_people
from playwright.sync_api import BrowserContext

from seglens.loop import model_path
from seglens.store import Repository
from seglens.store.people import People, Role

CLICKS = 2


def test_an_owner_adds_somebody_and_begins_the_round_that_waits_for_it(tmp_path: Path, context: BrowserContext) -> None:
    run = wait_for_people(tmp_path, rounds=1, budget={"unit": "clicks", "initial": CLICKS, "per_round": 1})
    people = People(Repository.of_run(run))
    people.add("olu", Role.OWNER, "olu's password")
    people.repo.close()
    with nearby(run) as url:
        desk = Desk(context, url)
        desk.log_in("olu")
        desk.press("people")
        row = desk.page.get_by_role("row")
        row.nth(1).wait_for()
        assert desk.nameless() == []
        desk.at("person-name").fill("olu")
        desk.at("person-password").fill("ben's password")
        desk.press("person-add")
        assert "olu" in desk.at("tell").last.inner_text(), "there is one of this name"
        desk.at("person-name").fill("ben")
        desk.at("person-role").select_option("annotator")
        desk.press("person-add")
        until(lambda: row.count() == 3, 10, "the new person to be listed")
        assert row.nth(1).inner_text().split("\t")[:3] == ["ben", "annotator", "0"]
        assert not desk.at("train").is_visible()
        desk.press("close")
        log_out(desk)

        desk.log_in("ben")
        assert not desk.at("people").is_visible()
        last = None
        for _ in range(CLICKS):
            last = desk.asked(last)["id"]
            desk.press("class-1")
        until(lambda: f"{CLICKS} of {CLICKS}" in desk.at("progress").inner_text(), 10, "both answers to count")
        assert not desk.at("train").is_visible()
        log_out(desk)

        desk.log_in("olu")
        desk.press("people")
        until(lambda: row.count() == 3, 10, "the people")
        assert row.nth(1).inner_text().split("\t")[:3] == ["ben", "annotator", str(CLICKS)]
        desk.press("close")
        desk.press("train")
        until(lambda: "finished" in desk.at("stagename").inner_text(), 120, "the round")
        assert desk.points() == 1
        assert desk.errors == []
    assert model_path(run, 0).is_file()
    assert {found.answer.annotator for found in stored(run).values()} == {"ben"}


def log_out(desk: Desk) -> None:
    """The page asks for a login, and the session that it had is over."""
    with desk.page.expect_navigation():
        desk.press("logout")
    desk.at("login-name").wait_for()
    assert desk.page.request.get(f"{desk.url}/api/me").status == 401
    assert not desk.at("close").is_visible()
