"""A server process and a person's browser on it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, BrowserType, Locator, Page, Playwright
from tiny import tiny

from seglens.functional.run_lengths import decode
from seglens.loop import State, create, drive
from seglens.store import Repository
from seglens.types import BoolArray, ByteArray, FloatArray
from seglens.web.app import create_app
from seglens.web.office import Office

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SOURCE = Path(__file__).resolve().parents[2] / "src"
GRID = {"name": "grid", "rows": 2, "columns": 3}
CELLS = {"unit": "pixels", "initial": 36 * 32 * 32, "per_round": 12 * 32 * 32}
"""36 cells of GRID in images of 64 x 96."""
Place = tuple[int, int]


NAMELESS = """() => ['button', 'input', 'select', 'a', '[role=group]', '[role=application]', 'canvas', 'dialog[open]']
  .flatMap((what) => [...document.querySelectorAll(what)]).filter((e) => !e.closest('[aria-hidden]'))
  .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')?.textContent.trim()))
  .filter((e) => !document.getElementById(e.getAttribute('aria-labelledby'))?.textContent.trim())
  .concat([...document.querySelectorAll('img:not([alt])')])
  .map((e) => e.outerHTML.slice(0, 120))"""
"""Controls without an accessible name, and pictures that do not say whether they mean something."""


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium."""
    return another(playwright.chromium)


def another(chromium: BrowserType) -> Browser:
    """A Chromium in a process of its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None
    return chromium.launch(executable_path=found, args=FLAGS)


def kill(browser: Browser) -> None:
    """End a browser's process as a crash does: nothing of it says goodbye."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    (pid,) = (one["id"] for one in found if one["type"] == "browser")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not _alive(pid), 20, "the browser to be gone")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """``seglens annotate`` in a process of its own."""

    def __init__(self, run: Path, *options: str, port: int | None = None) -> None:
        self.run, self.options, self.port = run, options, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.run.parent / f"server-{self.port}.log"

    def start(self) -> Server:
        command = [sys.executable, "-m", "seglens", "annotate", str(self.run), "--port", str(self.port), "--no-open"]
        paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.options], stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": paths}
            )
        until(self._answers, 120, "the server to answer")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{self.url}/api/me", timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(20)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def serving(run: Path, *options: str) -> Iterator[Server]:
    """A server on a run, stopped at the end."""
    server = Server(run, *options)
    try:
        yield server.start()
    finally:
        server.stop()


def until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait until something is so."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


class Desk:
    """One person at the page."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_default_timeout(15_000)
        self.load()

    def load(self) -> None:
        self.page.goto(self.url)
        self.page.evaluate("window.seglens.ready")

    def reload(self) -> None:
        self.page.reload()
        self.page.evaluate("window.seglens.ready")

    def state(self) -> dict[str, Any]:
        return self.page.evaluate("(() => { const { mask, ...rest } = window.seglens.state(); return rest; })()")

    @property
    def question(self) -> dict[str, Any] | None:
        return self.state()["question"]

    def asked(self, other_than: str | None = None, seconds: float = 20) -> dict[str, Any]:
        """The question at hand, once there is one (another one) and it is shown."""

        def there() -> dict[str, Any] | None:
            found = self.question
            return found if found and found["id"] != other_than and not self.state()["sending"] else None

        return until(there, seconds, "a question")

    def mask(self) -> ByteArray:
        """(h, w) uint8: the labels on the page."""
        found = self.page.evaluate("[...window.seglens.state().mask]")
        question = self.question
        assert question is not None
        return np.asarray(found, np.uint8).reshape(question["size"])

    def region(self) -> BoolArray:
        question = self.question
        assert question is not None
        return decode(np.asarray(question["region"]["runs"], np.int32), tuple(question["size"]))

    def at(self, name: str) -> Any:
        return self.page.locator(f'[data-test="{name}"]')

    def press(self, name: str) -> None:
        """Press a button."""
        self.at(name).click()

    def key(self, key: str) -> None:
        self.page.keyboard.press(key)

    def spot(self, place: Place) -> tuple[float, float]:
        """The middle of a pixel on the screen, client pixels."""
        box = self.page.evaluate(
            "(() => { const b = document.querySelector('[data-test=\"stage\"]').getBoundingClientRect();"
            " return [b.left, b.top, b.width, b.height]; })()"
        )
        question = self.question
        assert question is not None
        height, width = question["size"]
        return box[0] + (place[1] + 0.5) * box[2] / width, box[1] + (place[0] + 0.5) * box[3] / height

    def color(self, place: Place) -> FloatArray:
        """(3,) 0 to 255: what is on the screen in the middle of a pixel."""
        self.page.mouse.move(0, 0)
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        x, y = self.spot(place)
        picture = self.page.screenshot(clip={"x": x - 1, "y": y - 1, "width": 2, "height": 2})
        with Image.open(io.BytesIO(picture)) as found:
            return np.asarray(found.convert("RGB"), np.float64).mean((0, 1))

    def click(self, place: Place, button: Any = "left") -> None:
        """Click a pixel."""
        self.page.mouse.click(*self.spot(place), button=button)

    def drag(self, places: Sequence[Place]) -> None:
        """Draw over pixels, one after the other."""
        spots = [self.spot(place) for place in places]
        self.page.mouse.move(*spots[0])
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*spot)
        self.page.mouse.up()

    def nameless(self) -> list[str]:
        """Controls of what is shown that have no accessible name."""
        found: list[str] = self.page.evaluate(NAMELESS)
        return found

    def log_in(self, name: str) -> None:
        """Log in with one's password; the page loads anew."""
        self.at("login-name").fill(name)
        self.at("login-password").fill(f"{name}'s password")
        with self.page.expect_navigation():
            self.press("login")
        self.page.evaluate("window.seglens.ready")

    def look(self, seconds: float) -> None:
        """Look at what is there, and move the pointer meanwhile."""
        for step in range(int(10 * seconds)):
            self.page.mouse.move(300 + step, 90)
            self.page.wait_for_timeout(100)

    def saved(self, seconds: float = 20) -> None:
        until(lambda: self.at("saved").inner_text() == "saved", seconds, "everything to be saved")

    def points(self) -> int:
        """Points of the learning curve."""
        found = self.page.locator('[data-test="curve"] [data-points]')
        return int(found.get_attribute("data-points") or 0) if found.count() else 0


def loaded(images: Locator) -> None:
    """Wait until there are pictures and all of them are there, not broken ones."""
    there = "(all) => all.length > 0 && all.every((img) => img.complete && img.naturalWidth > 30)"
    until(lambda: images.evaluate_all(there), 10, "the pictures")


def touching(desk: Desk) -> Callable[[str, list[tuple[float, float]]], None]:
    """Puts fingers on the screen, moves them and takes them off."""
    line = desk.page.context.new_cdp_session(desk.page)

    def touch(kind: str, spots: list[tuple[float, float]]) -> None:
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(spots)]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return touch


def writing(desk: Desk) -> Callable[[str, tuple[float, float]], None]:
    """Puts a pen on the screen, moves it and takes it off."""
    line = desk.page.context.new_cdp_session(desk.page)

    def pen(kind: str, spot: tuple[float, float]) -> None:
        event = {"type": kind, "x": spot[0], "y": spot[1], "button": "left", "clickCount": 1, "pointerType": "pen"}
        line.send("Input.dispatchMouseEvent", {**event, "buttons": int(kind != "mouseReleased")})

    return pen


def wait_for_people(folder: Path, **changes: Any) -> Path:
    """A tiny streets run that people answer, driven until it waits for them."""
    run = folder / "run"
    create(run, tiny(folder, **{"rounds": 2, "ask": "human", **changes}))
    assert drive(run).state is State.AWAITING
    return run


def stored(run: Path) -> dict[str, Any]:
    """Every answered question of a run, by id."""
    repo = Repository.of_run(run)
    try:
        return {found.query.id: found for found in repo.answered()}
    finally:
        repo.close()


def stored_mask(found: Any) -> ByteArray:
    """(h, w) uint8: what the store holds of a drawn answer."""
    region = found.query.region
    mask = np.full(region.size, 255, np.uint8)
    mask[decode(region.runs, region.size)] = found.answer.dense
    return mask


@contextmanager
def nearby(run: Path, **options: Any) -> Iterator[str]:
    """The address of the same server in a thread of this process: it starts at once; no round begins by itself."""
    office = Office(run, train=False, **options)
    server = uvicorn.Server(uvicorn.Config(create_app(office), host="127.0.0.1", port=0, log_level="warning"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started, 30, "the server to start")
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
