"""Answers by one press: several people at once, many regions at once, and what is not an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import Desk, Server, another, kill, loaded, nearby, serving, stored, until, wait_for_people
from playwright.sync_api import Browser, BrowserContext, Route

from seglens.store import Repository
from seglens.types import AnswerStatus

SECONDS = "4"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a run whose regions are named; claims are short, nothing is trained."""
    budget = {"unit": "clicks", "initial": 60, "per_round": 12}
    run = wait_for_people(tmp_path_factory.mktemp("named"), budget=budget)
    with serving(run, "--no-train", "--claim-seconds", SECONDS) as server:
        yield server


def test_two_browsers_never_get_the_same_question_and_a_killed_one_gives_it_back(
    browser: Browser, named: Server
) -> None:
    browsers = [another(browser.browser_type), browser]
    contexts = [one.new_context(viewport={"width": 1280, "height": 800}) for one in browsers]
    ana, ben = (Desk(context, named.url) for context in contexts)
    held: list[Route] = []
    for desk in (ana, ben):
        desk.page.route("**/api/claim", lambda route: held.append(route))
    seen: list[str] = []
    hands: dict[Desk, str | None] = {ana: None, ben: None}
    for _ in range(6):
        for desk in (ana, ben):
            hands[desk] = desk.asked(hands[desk])["id"]
            assert hands[desk] not in seen
            seen.append(str(hands[desk]))
        ana.press("class-1")
        ben.press("class-2")
        until(lambda: ana.page.wait_for_timeout(20) or len(held) == 2, 20, "both to ask for the next question")
        while held:  # at the same instant
            held.pop().continue_()
    for desk in (ana, ben):
        desk.page.unroute("**/api/claim")
    until(lambda: len(stored(named.run)) == 12, 20, "twelve answers in the store")
    assert {id: found.answer.classes for id, found in stored(named.run).items()} == {
        id: (1 + index % 2,) for index, id in enumerate(seen)
    }
    lost = ana.asked(hands[ana])["id"]
    kill(browsers[0])
    mine = ben.asked(hands[ben])["id"]
    assert mine != lost
    for step in range(2 * int(SECONDS) + 1):
        ben.page.mouse.move(400 + step, 300)
        ben.page.wait_for_timeout(500)
    assert ben.asked()["id"] == mine, "a person who is there keeps the question"
    ben.press("class-2")
    assert ben.asked(mine)["id"] == lost
    assert ben.errors == []
    contexts[1].close()


def test_a_tab_in_sight_where_nothing_happens_gives_its_question_back(browser: Browser, named: Server) -> None:
    contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
    contexts[0].new_page().wait_for_timeout(1000 * int(SECONDS) + 500)  # what others left on their desks is back
    ana = Desk(contexts[0], named.url)
    left = ana.asked()["id"]
    ana.page.wait_for_timeout(1000 * int(SECONDS) + 1500)
    assert ana.page.evaluate("document.visibilityState") == "visible"
    ben = Desk(contexts[1], named.url)
    assert ben.asked()["id"] == left
    assert ana.asked()["id"] == left  # nothing moves before her eyes until she does something
    ana.page.mouse.move(500, 300)
    ana.page.mouse.move(510, 310)
    ben.page.mouse.move(500, 300)
    assert ana.asked(left)["id"] != left
    assert "no longer yours" in ana.at("tell").last.inner_text()
    assert ben.asked()["id"] == left
    for context in contexts:
        context.close()


def test_the_queue_is_listed_in_the_order_served_and_a_free_question_can_be_had(
    browser: Browser, waiting: Callable[..., Path]
) -> None:
    run = waiting()
    with nearby(run) as url:  # claims last: nobody here loses a question by being slow
        contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
        free_question_is_taken(contexts, url, run)
        for context in contexts:
            context.close()


def free_question_is_taken(contexts: list[BrowserContext], url: str, run: Path) -> None:
    ana = Desk(contexts[0], url)
    hers = ana.asked()["id"]
    repo = Repository.of_run(run)
    order = [query.id for query in repo.open_queries()][:8]
    repo.close()
    assert hers == order[0]
    until(lambda: queued(ana) == order, 10, "the queue")
    assert ana.at(f"queued-{hers}").get_attribute("aria-current") == "true"
    assert "on this desk" in ana.at(f"queued-{hers}").inner_text()
    image = ana.at(f"queued-{order[1]}").locator("img")
    image.scroll_into_view_if_needed()
    until(lambda: image.evaluate("(img) => img.complete && img.naturalWidth > 30"), 10, "a thumbnail")
    ben = Desk(contexts[1], url)
    his = ben.asked()["id"]
    assert his == order[1]
    until(lambda: ben.at(f"queued-{hers}").count() and ben.at(f"queued-{hers}").is_disabled(), 10, "whose is whose")
    assert "has it" in ben.at(f"queued-{hers}").inner_text()
    ben.press(f"queued-{order[5]}")
    assert ben.asked(his)["id"] == order[5]
    ana.page.mouse.move(500, 300)
    until(lambda: "free" in ana.at(f"queued-{his}").inner_text(), 10, "the question that he left")
    until(lambda: ana.at(f"queued-{order[5]}").is_disabled(), 10, "the question that he has")
    ben.press("class-3")
    following = ben.asked(order[5])["id"]
    assert following == his  # the first that is free again
    until(lambda: order[5] not in queued(ana), 10, "the answered question to go")
    for desk in (ana, ben):
        assert desk.errors == []


def queued(desk: Desk) -> list[str]:
    """The questions in the panel, in their order."""
    found = desk.page.locator(".queued").evaluate_all("(all) => all.map((one) => one.dataset.test)")
    return [name.removeprefix("queued-") for name in found]


def test_four_ways_not_to_answer_and_an_answer_changed(named: Server, context: BrowserContext) -> None:
    desk = Desk(context, named.url)
    said = {}
    last = None
    for name, status in (
        ("void", AnswerStatus.VOID),
        ("unsure", AnswerStatus.UNSURE),
        ("missing", AnswerStatus.MISSING_CLASS),
        ("skip", AnswerStatus.SKIPPED),
    ):
        last = desk.asked(last)["id"]
        said[last] = status
        desk.press(name)
    last = desk.asked(last)["id"]
    desk.press("class-4")
    following = desk.asked(last)["id"]
    found = stored(named.run)
    assert {id: found[id].answer.status for id in said} == said
    desk.press("guide")
    loaded(desk.page.locator(".guide section").filter(has=desk.page.locator(".crops img")).first.locator("img"))
    desk.press("close")
    desk.press("history")
    desk.at(f"answer-{last}").wait_for()
    loaded(desk.page.locator(".history img"))
    desk.press(f"answer-{last}")
    assert desk.asked(following)["id"] == last
    assert desk.at("class-4").get_attribute("aria-pressed") == "true"
    desk.press("class-9")
    assert desk.asked(last)["id"] == following
    assert stored(named.run)[last].answer.classes == (9,)
    desk.key("PageUp")
    assert desk.asked(following)["id"] == last
    desk.key("PageDown")
    assert desk.asked(last)["id"] == following
    assert desk.errors == []


def test_many_similar_regions_are_confirmed_at_once(named: Server, context: BrowserContext) -> None:
    desk = Desk(context, named.url)
    last = None
    for _ in range(20):
        question = desk.asked(last)
        last = question["id"]
        if question["similar"] >= 2:
            break
        desk.press("next")
    before = set(stored(named.run))
    desk.press("similar")
    tiles = desk.page.locator(".many .tile")
    tiles.first.wait_for()
    many = tiles.count()
    assert many > 2
    tiles.nth(1).click()
    desk.at("many-class").select_option("8")
    desk.reload()
    assert desk.asked()["id"] == last
    desk.press("similar")
    until(lambda: tiles.count() == many, 10, "the same ones")
    assert [tile.get_attribute("aria-pressed") for tile in tiles.all()] == ["true", "false", *["true"] * (many - 2)]
    assert desk.at("many-class").input_value() == "8"
    desk.press("many-confirm")
    desk.asked(last)
    fresh = [found for id, found in stored(named.run).items() if id not in before]
    assert len(fresh) == many - 1
    assert {found.answer.classes for found in fresh} == {(8,)}
    assert desk.errors == []
