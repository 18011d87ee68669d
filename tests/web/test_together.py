"""Two people at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from browsing import Desk, serving, until
from playwright.sync_api import Browser
from test_thirty import stored


def test_two_browsers_never_get_the_same_question_and_a_killed_one_gives_it_back(
    browser: Browser, waiting: Callable[..., Path]
) -> None:
    run = waiting()
    contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
    with serving(run, "--no-train", "--claim-seconds", "3") as server:
        ana, ben = (Desk(context, server.url) for context in contexts)
        seen: list[str] = []
        for _ in range(4):
            for desk in (ana, ben):
                id = desk.asked(seen[-2] if len(seen) > 1 else None)["id"]
                assert id not in seen
                seen.append(id)
            ana.press("class-1")
            ben.press("class-2")
        lost = until(lambda: (q := ana.question) and q["id"] not in seen and q["id"], 20, "Ana's next question")
        contexts[0].close()
        given: set[str] = set()

        def back() -> bool:
            question = ben.question
            if question and not ben.state()["sending"] and question["id"] not in given:
                given.add(question["id"])
                if question["id"] != lost:
                    ben.press("class-3")
            return lost in given

        until(back, 40, "the lost question to come back")
        ben.press("class-3")
        until(lambda: len(stored(run)) == 12, 20, "all twelve answers in the store")
        assert ben.errors == []
    contexts[1].close()
