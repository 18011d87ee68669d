"""What a person sees move: superpixels that are filled, and the picture dragged and zoomed."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PLACES = """() => {
  const box = document.querySelector('[data-test="stage"]').getBoundingClientRect();
  const frame = document.querySelector('[data-test="stage-frame"]').getBoundingClientRect();
  const { size, region } = window.seglens.state().question;
  const [top, left, bottom, right] = region.box;
  const y = (value) => box.top + (value * box.height) / size[0];
  const x = (value) => box.left + (value * box.width) / size[1];
  return [
    Math.max(frame.top + 5, y(top)), Math.max(frame.left + 5, x(left)),
    Math.min(frame.bottom - 5, y(bottom)), Math.min(frame.right - 5, x(right)),
  ];
}"""


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """The page in a headless Chromium, once it is ready."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "no Chromium on the PATH (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.evaluate("window.seglens.ready")
        yield page
        browser.close()


def fill_times(url: str, scale: str, fills: int = 60, warm: int = 5) -> list[float]:
    """Milliseconds from each press of the pointer to when the frame that shows its superpixel filled was painted.

    Args:
        url: of a server whose open questions are of kind ``dense`` or ``mask``.
        scale: of the superpixels.
        fills: how many to measure, spread over the region asked about; each is undone, so that the next one fills anew.
        warm: how many before them are not counted.
    """
    with opened(url) as page:
        while page.evaluate("window.seglens.state().question?.kind") not in ("dense", "mask"):
            page.wait_for_timeout(200)
        page.locator('[data-test="tool-superpixel"]').click()
        page.locator(f'[data-test="scale-{scale}"]').click()
        while (
            page.evaluate(
                "(scale) => fetch('/api/ids?' + new URLSearchParams({ scale,"
                " image: window.seglens.state().question.image })).then((got) => got.ok)",
                scale,
            )
            is not True
        ):
            page.wait_for_timeout(200)
        page.wait_for_timeout(2000)
        times = _fill(page, fills + warm)
    return times[warm:]


FRAMES = """() => {
  window.gaps = [];
  let last = 0;
  const tick = (now) => {
    if (last) window.gaps.push(now - last);
    last = now;
    window.ticking = requestAnimationFrame(tick);
  };
  window.ticking = requestAnimationFrame(tick);
}"""
LAYERS = ("prediction", "entropy", "score")
"""Shown over the image while it moves."""


def frame_gaps(url: str, layers: tuple[str, ...] = LAYERS, steps: int = 120) -> dict[str, list[float]]:
    """Milliseconds between frames while the picture is dragged and zoomed, and while nothing moves.

    Args:
        url: of a server whose run has these layers; its questions are about images of any size.
        layers: shown over the image.
        steps: moves of the pointer, and as many of the wheel, about 16 ms apart.

    Returns:
        Gaps by what was done: ``still``, ``pan``, ``zoom``.
    """
    with opened(url) as page:
        page.wait_for_function("window.seglens.state().question")
        for name in layers:
            page.locator(f'[data-test="layer-{name}"]').check()
        page.locator('[data-test="zoom-all"]').click()
        page.wait_for_timeout(3000)
        box = page.locator('[data-test="stage-frame"]').bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        gaps = {"still": _timed(page, lambda _: page.wait_for_timeout(10), steps)}
        page.mouse.down(button="middle")
        gaps["pan"] = _timed(page, lambda n: page.mouse.move(x + 200 * math.sin(n / 10), y + n % 40), steps)
        page.mouse.up(button="middle")
        gaps["zoom"] = _timed(page, lambda n: page.mouse.wheel(0, -60 if n % 40 < 20 else 60), steps)
    return gaps


def _timed(page: Page, move: Callable[[int], object], steps: int) -> list[float]:
    page.evaluate(FRAMES)
    for number in range(steps):
        move(number)
        page.wait_for_timeout(10)
    return [float(gap) for gap in page.evaluate("(cancelAnimationFrame(window.ticking), window.gaps)")]


def _fill(page: Page, fills: int) -> list[float]:
    top, left, bottom, right = page.evaluate(PLACES)
    for number in range(fills):
        x = left + (right - left) * (0.05 + 0.9 * (number * 0.618 % 1))
        y = top + (bottom - top) * (0.05 + 0.9 * (number * 0.755 % 1))
        before = page.evaluate("window.seglens.fillMs.length")
        page.keyboard.press("12345"[number % 5])
        page.mouse.click(x, y)
        page.wait_for_timeout(40)
        if page.evaluate("window.seglens.fillMs.length") > before:
            page.keyboard.press("Control+z")
    return [float(time) for time in page.evaluate("window.seglens.fillMs")]
