"""Whether people with any kind of colour vision can tell the page's classes apart."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from seglens.types import FloatArray

COUNT, SIDE = 48, 40
PAINTED = """async ([count, side]) => {
  const { Palette } = await import('/js/palette.js');
  const rows = Array.from({ length: count }, (_, index) => ({ index, name: `${index}`, color: [0, 0, 0] }));
  const found = new Palette(rows, false);
  const tiles = found.colors.map((_, index) => {
    const words = new Uint32Array(side * side);
    found.paint(new Uint8Array(side * side).fill(index), words, side, [0, 0, side, side]);
    return [...new Uint8Array(words.buffer)];
  });
  return { colors: found.colors, tiles, swatches: found.colors.map((_, index) => found.background(index)) };
}"""
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Linear RGB as people see it who lack a kind of cone (Machado, Oliveira and Fernandes 2009, table 1)."""
XYZ = np.array([[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07217], [0.01933, 0.11919, 0.95030]])
APART = 15.0
"""Least distance of two colours in CIELAB; 2.3 is what can just be noticed."""


@pytest.fixture(scope="module")
def painted(page: Page) -> dict[str, Any]:
    return page.evaluate(PAINTED, [COUNT, SIDE])


def lab(colors: FloatArray, seen: Any) -> FloatArray:
    """(N, 3): colours of 0 to 255 in CIELAB, to somebody's eyes."""
    share = np.asarray(colors, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    ratio = np.clip(linear @ np.transpose(seen), 0, 1) @ XYZ.T / XYZ.sum(1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    found: FloatArray = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)
    return found


def test_no_two_of_48_classes_share_colour_and_hatch(painted: dict[str, Any]) -> None:
    tiles = np.array(painted["tiles"]).reshape(COUNT, SIDE, SIDE, 4)
    assert (tiles[..., 3] == 255).all()
    assert len(set(painted["swatches"])) == COUNT
    for one, other in combinations(range(COUNT), 2):
        differ = (tiles[one] != tiles[other]).any(-1).mean()
        assert differ > 0.1, (one, other, differ)


@pytest.mark.parametrize("sight", SEEN)
def test_colours_stay_apart_in_everybodys_eyes(painted: dict[str, Any], sight: str) -> None:
    tiles = np.array(painted["tiles"]).reshape(COUNT, -1, 4)[..., :3]
    plain = np.array(painted["colors"])
    eight = lab(plain[:8], SEEN[sight])
    for one, other in combinations(range(8), 2):
        assert np.linalg.norm(eight[one] - eight[other]) > APART, (one, other)
    for index in range(8, COUNT):  # the lines of a hatching on their ground
        line, ground = (lab(color[None], SEEN[sight])[0] for color in (tiles[index].min(0), plain[index]))
        assert np.linalg.norm(line - ground) > APART, index
