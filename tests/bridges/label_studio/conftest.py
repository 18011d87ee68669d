"""Label Studio is installed while the other tests run; its own tests come last and wait for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import studio
from studio import Studio

INSTALL_SECONDS = 1200
"""How long the installation may take, counted from when it is waited for."""
installing = pytest.StashKey[subprocess.Popen[bytes]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need the server go last."""
    items.sort(key=lambda item: item.get_closest_marker("label_studio") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to install in the background, where a test will need it."""
    needed = any(item.get_closest_marker("label_studio") for item in session.items)
    if needed and not studio.ready() and not session.config.option.collectonly:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [sys.executable, studio.__file__]
        session.config.stash[installing] = subprocess.Popen(command, start_new_session=True, **quiet)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """An installation that nobody waits for any longer is stopped; the next one goes on with it.

    Side by side it goes on: another process of the run may still wait for it.
    """
    process = session.config.stash.get(installing, None)
    if process is not None and not hasattr(session.config, "workerinput"):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def installed(pytestconfig: pytest.Config) -> None:
    """Wait for the installation; where the package cannot be had, skip, but fail in CI."""
    process = pytestconfig.stash.get(installing, None)
    end = time.monotonic() + INSTALL_SECONDS
    while process is not None and process.poll() is None and time.monotonic() < end:
        time.sleep(0.5)
    if studio.ready():
        return
    why = studio.FAILED.read_text() if studio.FAILED.exists() else f"not done after {INSTALL_SECONDS} s"
    if not os.environ.get("CI") and any(words in why for words in studio.NOT_THERE):
        pytest.skip(f"Label Studio cannot be had here: {why[-300:]}")
    pytest.fail(f"Label Studio was not installed in {studio.HOME}: {why}")


@pytest.fixture(scope="session")
def server(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A server on a fresh copy of the template."""
    folder = tmp_path_factory.mktemp("label-studio")
    shutil.copytree(studio.TEMPLATE, folder / "data", ignore=shutil.ignore_patterns("server.log"))
    with (
        pytest.MonkeyPatch.context() as patch,
        studio.running(folder / "data", folder / "root", studio.START_SECONDS) as running,
    ):
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield running


@pytest.fixture(scope="session")
def personal(server: Studio) -> str:
    """A personal access token, made as the page makes one: with a session and its CSRF token."""
    with httpx.Client(base_url=server.url, follow_redirects=True, trust_env=False) as page:
        page.get("/user/login/")
        form = {"email": studio.EMAIL, "password": studio.PASSWORD, "csrfmiddlewaretoken": page.cookies["csrftoken"]}
        page.post("/user/login/", data=form, headers={"Referer": server.url}).raise_for_status()
        headers = {"Referer": server.url, "X-CSRFToken": page.cookies["csrftoken"]}
        made = page.post("/api/token/", headers=headers)
        made.raise_for_status()
        token: str = made.json()["token"]
        return token


@pytest.fixture
def api(server: Studio) -> Iterator[httpx.Client]:
    """The server as another program sees it."""
    headers = {"Authorization": f"Token {studio.LEGACY}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def root(server: Studio) -> Path:
    """The server's document root."""
    return server.root
