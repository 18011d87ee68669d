"""The classes: which texture, how large, how often."""

from __future__ import annotations

from dataclasses import dataclass

from seglens.data.classes import distinct_colors
from seglens.data.textures import patterns
from seglens.types import ClassTable


@dataclass(frozen=True)
class Surface:
    """A class.

    Args:
        name: of the class.
        pattern: its texture.
        period: of the texture, picture heights.
        share: of the patches that show it; 0 = the thin bands across the picture.
    """

    name: str
    pattern: patterns.Pattern
    period: float
    share: float


SURFACES = (
    Surface("cloud", patterns.cloud, 0.20, 0.26),
    Surface("wide stripes", patterns.stripes, 0.105, 0.18),
    Surface("fine stripes", patterns.stripes, 0.037, 0.15),
    Surface("checks", patterns.checks, 0.10, 0.13),
    Surface("weave", patterns.weave, 0.095, 0.12),
    Surface("bricks", patterns.bricks, 0.07, 0.11),
    Surface("dots", patterns.dots, 0.07, 0.03),
    Surface("scales", patterns.scales, 0.11, 0.02),
    Surface("hatch", patterns.hatch, 0.034, 0.0),
)

BAND = next(index for index, surface in enumerate(SURFACES) if not surface.share)
"""The class of the bands."""

TEXTURES = ClassTable(tuple(surface.name for surface in SURFACES), distinct_colors(len(SURFACES)))
"""The class table."""
