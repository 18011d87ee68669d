"""Gesture to pixel: how long Chromium takes to show a superpixel that is filled."""

from __future__ import annotations

import shutil

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


def fill_times(url: str, fills: int = 60, warm: int = 5) -> list[float]:
    """Milliseconds from each press of the pointer to the frame that shows its superpixel filled.

    Args:
        url: of a server whose open questions are of kind ``dense`` or ``mask``.
        fills: how many to measure, spread over the region asked about; each is undone, so that the next one fills anew.
        warm: how many before them are not counted.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "no Chromium on the PATH (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.evaluate("window.seglens.ready")
        while page.evaluate("window.seglens.state().question?.kind") not in ("dense", "mask"):
            page.wait_for_timeout(200)
        page.locator('[data-test="tool-superpixel"]').click()
        while (
            page.evaluate(
                "fetch('/api/ids?' + new URLSearchParams({ scale: 'medium',"
                " image: window.seglens.state().question.image })).then((got) => got.ok)"
            )
            is not True
        ):
            page.wait_for_timeout(200)
        page.wait_for_timeout(2000)
        times = _fill(page, fills + warm)
        browser.close()
    return times[warm:]


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
