"""Pictures of the labelling page for the docs, on generated streets: ``python tools/screenshots.py``.

Makes three small runs in a temporary folder, answers their first rounds from the truth, serves them, and writes
docs/images/page-*.png (each below 300 kB). Needs Chromium and Playwright; takes some minutes.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from seglens.config import resolve
from seglens.data.streets import Streets, StreetsParams
from seglens.functional.run_lengths import indices
from seglens.loop import create, drive
from seglens.loop.audit import Auditor
from seglens.loop.doubted import keep
from seglens.loop.machine import silent
from seglens.store import Repository
from seglens.store.changes import take_changes
from seglens.store.people import People, Role
from seglens.types import Answer, AnswerKind, AnswerStatus, Cost, Provenance, Query

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LARGEST = 300_000
STREETS: dict[str, Any] = {"name": "streets", "split": "pool", "images": 9, "size": [512, 1024]}
RUN: dict[str, Any] = {
    "rounds": 4,
    "score": "explainable-error",
    "cut": {"name": "superpixel", "segments": 250},
    "answer": "dominant-class",
    "pick": "top",
    "settle": {"name": "sieve", "min_pixels": 8},
    "ask": "human",
    "data": STREETS,
    "eval_data": {**STREETS, "split": "eval", "images": 4},
    "model": {"name": "fpn", "size": [128, 256], "width": 64},
    "train": {"rhythm": "interactive", "steps": 100, "batch": 4},
    "budget": {"unit": "clicks", "initial": 60, "per_round": 60},
    "threads": 2,
}
DENSE: dict[str, Any] = {
    "answer": "dense",
    "cut": {"name": "grid", "rows": 2, "columns": 4},
    "budget": {"unit": "image-equivalents", "initial": 3, "per_round": 1},
    "rounds": 3,
}

TWICE: dict[str, Any] = {"ask": {"name": "human", "overlap": 1.0}}
PASSWORD = "only for pictures"


def main() -> None:
    """Make every picture."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        found = shutil.which("chromium")
        assert found is not None, "no Chromium on the PATH (Debian: apt-get install chromium)"
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        named_run = prepare(Path(folder) / "streets", RUN, rounds=2)
        drawn_run = prepare(Path(folder) / "streets-drawn", {**RUN, **DENSE}, rounds=1)
        mistake(named_run)
        with served(named_run) as url:
            doubts(browser, url)
            named(browser, url)
        with served(drawn_run) as url:
            drawn(browser, url)
        disputed_run = prepare(Path(folder) / "streets-twice", {**RUN, **DENSE, **TWICE}, rounds=0)
        disagree(disputed_run)
        with served(disputed_run) as url:
            review(browser, url)
        browser.close()


def prepare(run: Path, values: dict[str, Any], rounds: int) -> Path:
    """A run whose first rounds are answered and trained, and which waits for the next answers."""
    create(run, resolve({**values, "cache": {"dir": str(run.parent / "cache")}}, {}, "screenshots"))
    truth = Streets.labels(StreetsParams(**{key: value for key, value in STREETS.items() if key != "name"}))
    for _ in range(rounds):
        drive(run)
        repo = Repository.of_run(run)
        repo.add_answers([said(query, truth.label(query.image)) for query in repo.open_queries()])
        repo.close()
    drive(run)
    return run


def said(query: Query, truth: Any) -> Answer:
    """What a person who errs never would say."""
    classes = truth.ravel()[indices(query.region.runs)]
    known = classes[classes != 255]
    cost = Cost(1.0, float(len(known)), 3.0)
    if not len(known):
        return Answer(query.id, AnswerStatus.VOID, cost, Provenance.PERSON, annotator="ana")
    if query.kind is AnswerKind.DENSE:
        return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, dense=classes, annotator="ana")
    most = int(np.bincount(known).argmax())
    return Answer(query.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, (most,), annotator="ana")


def mistake(run: Path) -> None:
    """Answers of the first round that say another class, and the audit that looks for such."""
    repo = Repository.of_run(run)
    given = [pair.answer for pair in repo.answered() if pair.answer.classes]
    take_changes(repo, [replace(answer, classes=((answer.classes[0] + 3) % 11,)) for answer in given[10:50:20]])
    repo.close()
    auditor = Auditor(run, silent)
    keep(run, auditor.audit(), auditor.bench.data.classes.names, 20)


def disagree(run: Path) -> None:
    """Two people's answers to two questions, the second one's with a mistake; and a reviewer."""
    truth = Streets.labels(StreetsParams(**{key: value for key, value in STREETS.items() if key != "name"}))
    repo = Repository.of_run(run)
    people = People(repo)
    for name, role in (("ana", Role.ANNOTATOR), ("ben", Role.ANNOTATOR), ("rea", Role.REVIEWER)):
        people.add(name, role, PASSWORD)
    chosen = [
        q for q in repo.open_queries() if len(np.unique(truth.label(q.image).ravel()[indices(q.region.runs)])) > 4
    ]
    for query in chosen[:2]:
        right = said(query, truth.label(query.image))
        assert right.dense is not None
        height, width = query.region.size
        at = indices(query.region.runs)
        most = int(np.bincount(right.dense[right.dense != 255]).argmax())
        blob = (at // width - np.median(at // width)) ** 2 + (at % width - np.median(at % width)) ** 2
        wrong = np.where(blob < (height / 8) ** 2, (most + 1) % 8, right.dense).astype(np.uint8)
        repo.add_answers([right, replace(right, dense=wrong, annotator="ben")])
    repo.close()


@contextmanager
def served(run: Path) -> Iterator[str]:
    """A server on a run."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "seglens",
        "annotate",
        str(run),
        "--port",
        str(port),
        "--no-open",
        "--claim-seconds",
        "4",
    ]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api/me", timeout=2)
                    break
                except OSError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def begin(browser: Browser, url: str, **context: Any) -> Page:
    """A page with a question on it."""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context}).new_page()
    page.goto(url)
    page.evaluate("window.seglens.ready")
    wait(page, "window.seglens.state().question")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2500)
    return page


def wait(page: Page, true: str) -> None:
    """Wait until an expression is true on the page, two minutes at most."""
    for _ in range(600):
        if page.evaluate(f"Boolean({true})"):
            return
        page.wait_for_timeout(200)
    raise TimeoutError(true)


def take(page: Page, name: str) -> None:
    """Write what is seen, in as few colours as the limit asks for."""
    page.wait_for_timeout(700)
    seen = Image.open(BytesIO(page.screenshot())).convert("RGB")
    for colors in (None, 255, 160, 96, 64):
        buffer = BytesIO()
        few = (
            seen
            if colors is None
            else seen.quantize(colors, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        )
        few.save(buffer, "PNG", optimize=True)
        if buffer.tell() < LARGEST:
            break
    (OUT / f"page-{name}.png").write_bytes(buffer.getvalue())
    print(f"page-{name}.png {buffer.tell() // 1024} kB")


def button(page: Page, name: str) -> None:
    """Press a button by its name in tests."""
    page.locator(f'[data-test="{name}"]').click()


def named(browser: Browser, url: str) -> None:
    """Questions that one press answers."""
    page = begin(browser, url)
    for _ in range(4):
        page.keyboard.press("Enter")
        page.wait_for_timeout(700)
    page.wait_for_timeout(2500)
    take(page, "question")
    page.locator('[data-test="layer-eem"]').check()
    button(page, "zoom-all")
    take(page, "explainable-error")
    page.locator('[data-test="layer-eem"]').uncheck()
    button(page, "zoom-region")
    for view in ("history", "guide"):
        button(page, view)
        page.wait_for_timeout(1500)
        take(page, view)
        button(page, "close")
    for _ in range(30):
        if page.locator('[data-test="similar"]').is_enabled():
            button(page, "similar")
            page.wait_for_timeout(1500)
            take(page, "similar")
            button(page, "close")
            break
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
    button(page, "theme")
    page.locator('[data-test="layer-prediction"]').check()
    take(page, "dark")
    page.context.close()
    page = begin(browser, url, viewport={"width": 820, "height": 1180}, has_touch=True)
    take(page, "tablet")
    for _ in range(170):
        if page.locator('[data-test="empty"]').is_visible():
            break
        page.keyboard.press("Enter")
        page.wait_for_timeout(150)
    page.context.close()
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url)
    page.evaluate("window.seglens.ready")
    wait(page, "document.querySelector('[data-test=stagename]').textContent.includes('training ')")
    page.wait_for_timeout(2500)
    take(page, "training")
    page.context.close()


def doubts(browser: Browser, url: str) -> None:
    """What the audit doubts, before whoever works alone."""
    page = begin(browser, url)
    button(page, "review")
    page.locator(".doubt").first.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    take(page, "doubts")
    page.context.close()


def review(browser: Browser, url: str) -> None:
    """What two people saw differently, before a reviewer."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url)
    page.locator('[data-test="login-name"]').fill("rea")
    page.locator('[data-test="login-password"]').fill(PASSWORD)
    with page.expect_navigation():
        button(page, "login")
    page.evaluate("window.seglens.ready")
    wait(page, "window.seglens.state().question")
    button(page, "review")
    page.locator(".dispute canvas").nth(3).wait_for()
    page.wait_for_timeout(1500)
    take(page, "review")
    page.context.close()


def drawn(browser: Browser, url: str) -> None:
    """Questions that are drawn."""
    page = begin(browser, url)
    box = page.evaluate(
        "(() => { const { question: q } = seglens.state(); const b = document.querySelector('[data-test=stage]')"
        ".getBoundingClientRect(); const [t, l, o, r] = q.region.box; const [h, w] = q.size;"
        " return [b.top + t * b.height / h, b.left + l * b.width / w,"
        " b.top + o * b.height / h, b.left + r * b.width / w]; })()"
    )
    top, left, bottom, right = box
    height, width = bottom - top, right - left

    def drag(*places: tuple[float, float]) -> None:
        spots = [(left + x * width, top + y * height) for y, x in places]
        page.mouse.move(*spots[0])
        page.mouse.down()
        for spot in spots[1:]:
            page.mouse.move(*spot, steps=12)
        page.mouse.up()

    button(page, "tool-superpixel")
    page.wait_for_timeout(4000)
    button(page, "class-0")
    drag((0.9, 0.1), (0.85, 0.5), (0.95, 0.9))
    button(page, "class-2")
    drag((0.15, 0.1), (0.2, 0.4))
    take(page, "superpixels")
    button(page, "tool-brush")
    button(page, "class-8")
    drag((0.5, 0.15), (0.45, 0.3), (0.55, 0.45))
    button(page, "tool-polygon")
    button(page, "class-13")
    for y, x in ((0.35, 0.6), (0.3, 0.8), (0.6, 0.9), (0.65, 0.55)):
        page.mouse.click(left + x * width, top + y * height)
        page.wait_for_timeout(350)
    take(page, "polygon")
    page.context.close()


if __name__ == "__main__":
    main()
