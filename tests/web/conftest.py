"""Runs to ask about, and browsers to answer with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browsing import CELLS, GRID, SOURCE, Desk, Server, launch, serving, wait_for_people
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")):
        absent = "no Chromium on the PATH (Debian: apt-get install chromium)"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page beside the modules."""
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SOURCE / "seglens" / "web" / "static")))
    thread = Thread(target=files.serve_forever)
    thread.start()
    found = browser.new_page()
    found.goto(f"http://127.0.0.1:{files.server_port}/icon.svg")
    yield found
    found.close()
    files.shutdown()
    thread.join()
    files.server_close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    yield found
    found.close()


@pytest.fixture
def waiting(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run of one's own."""
    return partial(wait_for_people, tmp_path)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a run whose regions are drawn pixel by pixel; nothing is trained. Tests share its questions."""
    with serving(
        wait_for_people(tmp_path_factory.mktemp("drawn"), answer="dense", cut=GRID, budget=CELLS), "--no-train"
    ) as server:
        yield server


@pytest.fixture
def desk(context: BrowserContext, drawn: Server) -> Iterator[Desk]:
    """Somebody before a question that is drawn."""
    found = Desk(context, drawn.url)
    found.asked()
    yield found
    assert found.errors == []
