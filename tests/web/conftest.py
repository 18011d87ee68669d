"""Runs to ask about, and browsers to answer with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Desk, launch, serving
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from tiny import tiny

from seglens.loop import State, create, drive


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")):
        pytest.skip("no Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    yield found
    found.close()


@pytest.fixture
def waiting(tmp_path: Path) -> Callable[..., Path]:
    """Makes a tiny streets run that people answer, driven until it waits for them."""

    def make(**changes: Any) -> Path:
        run = tmp_path / "run"
        create(run, tiny(tmp_path, **{"rounds": 2, "ask": "human", **changes}))
        assert drive(run).state is State.AWAITING
        return run

    return make


@pytest.fixture
def desk(context: BrowserContext, waiting: Callable[..., Path]) -> Iterator[Desk]:
    """Somebody before the first question of a run whose regions are drawn pixel by pixel; nothing is trained."""
    run = waiting(answer="dense", cut={"name": "grid", "cell": 32})
    with serving(run, "--no-train") as server:
        found = Desk(context, server.url)
        found.asked()
        yield found
        assert found.errors == []
