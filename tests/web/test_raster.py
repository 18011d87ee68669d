"""What the page's own code makes of gestures, in Chromium, against numpy, matplotlib and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
from gestures import capsule, cut_off, polygon
from playwright.sync_api import Page

from seglens.functional.run_lengths import decode, encode
from seglens.types import BoolArray

SIZE = (37, 53)


def pixels(page: Page, call: str, *values: Any) -> BoolArray:
    """(h, w): the pixels that a call of raster.js visits."""
    body = f"async (v) => {{ const r = await import('/js/raster.js'); const found = []; {call}; return found; }}"
    mask = np.zeros(SIZE, bool)
    mask.ravel()[page.evaluate(body, list(values))] = True
    return mask


def places(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    return [(int(rng.integers(-4, SIZE[0] + 4)), int(rng.integers(-4, SIZE[1] + 4))) for _ in range(count)]


def told(some: list[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"y": y, "x": x} for y, x in some]


def test_lines_cover_what_lies_within_half_their_width(page: Page) -> None:
    rng = np.random.default_rng(0)
    for diameter in (1, 2, 3, 8, 15, 21):
        for _ in range(8):
            a, b = places(rng, 2)
            found = pixels(
                page, "r.thickLine(v[0], v[1], v[2], v[3], (p) => found.push(p))", *told([a, b]), diameter, SIZE
            )
            np.testing.assert_array_equal(found, capsule(a, b, diameter, SIZE))


def test_polygons_cover_their_inside_and_their_outline(page: Page) -> None:
    rng = np.random.default_rng(1)
    for count in (3, 3, 4, 5, 8, 13):
        for _ in range(5):
            corners = places(rng, count)
            found = pixels(page, "r.polygon(v[0], v[1], (p) => found.push(p))", told(corners), SIZE)
            np.testing.assert_array_equal(found, polygon(corners, SIZE))


def test_a_line_cuts_off_all_but_the_largest_part(page: Page) -> None:
    rng = np.random.default_rng(2)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    region = ((y - 18) ** 2 / 14**2 + (x - 20) ** 2 / 18**2 < 1) | ((y > 5) & (y < 30) & (x > 42))
    cut = 0
    for count in (2, 3, 4, 6):
        for _ in range(8):
            line = places(rng, count)
            call = "found.push(...r.cutOff(Uint8Array.from(v[0]), v[1], v[2]))"
            found = pixels(page, call, region.ravel().astype(int).tolist(), told(line), SIZE)
            expected = cut_off(region, line)
            assert found.sum() == expected.sum()
            cut += bool(found.any())
    assert cut > 10


def test_runs_come_back_as_they_were_and_strokes_can_be_undone(page: Page) -> None:
    rng = np.random.default_rng(3)
    region = rng.random(SIZE) < 0.7
    body = """async ([runs, size, strokes]) => {
      const { Mask } = await import('/js/mask.js');
      const mask = new Mask(size, runs);
      const seen = [[...mask.pixels]];
      for (const [pixels, value] of strokes) {
        mask.begin(); mask.set(pixels, value);
        if (mask.commit('brush')) seen.push([...mask.pixels]);
      }
      const said = mask.said();
      const copy = new Mask(size, runs);
      copy.load(said, mask.strokes);
      const back = []; while (mask.undo()) back.push([...mask.pixels]);
      const again = []; while (mask.redo()) again.push([...mask.pixels]);
      const copied = []; while (copy.undo()) copied.push([...copy.pixels]);
      return [seen, said.runs_by_class, back, again, copied];
    }"""
    strokes = [(rng.integers(0, region.size, 200).tolist(), int(rng.choice([0, 3, 18, 255]))) for _ in range(25)]
    seen, said, back, again, copied = page.evaluate(body, [encode(region).tolist(), SIZE, strokes])
    expected = np.full(region.size, 255, np.uint8)
    for some, value in strokes:
        expected[[p for p in some if region.ravel()[p]]] = value
    assert seen[-1] == expected.tolist()
    assert back == seen[-2::-1]
    assert copied == back
    assert again == seen[1:]
    found = np.full(SIZE, 255, np.uint8)
    for value, runs in said:
        where = decode(np.asarray(runs, np.int32), SIZE)
        assert not (found[where] != 255).any()
        found[where] = value
    np.testing.assert_array_equal(found.ravel(), expected)
