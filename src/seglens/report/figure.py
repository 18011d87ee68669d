"""An explanation as one figure: from the image to where to look first (SegXAL, Figs 2 and 3)."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import ndimage

from seglens.report.explain import Explanation
from seglens.report.pictures import HEAT, NEAR, OUTLINE, blend, class_colours, coloured, fitted, grey, heat, resized
from seglens.report.words import percent
from seglens.types import BoolArray, ByteArray, FloatArray, IntArray, Size

Place = tuple[float, float, float, float]

COLUMNS, ROWS = 5, 2
PANEL = 3.1
"""Width of a panel, inches; heights follow the image."""
BAR, GAP, HEAD, MARGIN, TOP = 0.42, 0.12, 0.6, 0.25, 0.3
"""Room for a colour bar, between panels, for a panel's title, around the figure, and for its title, inches."""
LINE = 0.2
"""Height of a line of text, inches."""
DPI = 110
INK, SOFT = "#1c2127", "#59626d"
SENTENCES = 8
"""Candidates told under the figure, at most; the file beside it holds them all."""


def draw(found: Explanation) -> bytes:
    """The figure as a PNG.

    Args:
        found: what to draw.

    Returns:
        The file's bytes.
    """
    panel = PANEL * found.picture.shape[0] / found.picture.shape[1]
    told = _told(found)
    below = LINE * max(len(told), 1 + -(-len(found.present) // 2)) + 0.3
    width = 2 * MARGIN + COLUMNS * (PANEL + BAR) + (COLUMNS - 1) * GAP
    height = 2 * MARGIN + TOP + ROWS * (panel + HEAD) + below
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    _write(figure, (MARGIN / width, 1 - MARGIN / height), f"{found.image}  ·  {found.model}", "bold", 14)
    for index, one in enumerate(_panels(found)):
        row, column = divmod(index, COLUMNS)
        left = MARGIN + column * (PANEL + BAR + GAP)
        bottom = height - MARGIN - TOP - (row + 1) * (panel + HEAD)
        one.on(figure, (left / width, bottom / height, PANEL / width, panel / height), BAR / width)
    top = (MARGIN + below - 0.25) / height
    _legend(figure, found, (MARGIN / width, top))
    left = (MARGIN + 2 * (PANEL + BAR + GAP)) / width
    for number, line in enumerate(told):
        _write(figure, (left, top - LINE * number / height), line, "normal" if number else "bold")
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


@dataclass(frozen=True)
class Panel:
    """One picture of the figure.

    Args:
        title: in bold, above.
        meaning: what bright means, or what there is to see.
        picture: (h, w, 3) uint8.
        bar: (colours, greatest value) of the bar beside it, from 0; None = no bar.
        outlines: (h, w) int32, regions numbered from 1, each outlined with its number; None = none.
        frame: (h, w) bool, outlined in white; None = none.
        smooth: whether pixels are interpolated.
    """

    title: str
    meaning: str
    picture: ByteArray
    bar: tuple[str, float] | None = None
    outlines: IntArray | None = None
    frame: BoolArray | None = None
    smooth: bool = True

    def on(self, figure: Figure, place: Place, room: float) -> None:
        """Draw it at ``place``, ``room`` wide for the bar: fractions of the figure."""
        axes = figure.add_axes(place)
        axes.imshow(self.picture, interpolation="bilinear" if self.smooth else "nearest", aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=SOFT, linewidth=0.6)
        inch = 1 / (place[3] * figure.get_figheight())
        at: dict[str, Any] = {"transform": axes.transAxes, "va": "bottom", "parse_math": False}
        axes.text(0, 1 + 0.25 * inch, self.title, size=11, weight="bold", color=INK, **at)
        axes.text(0, 1 + 0.06 * inch, self.meaning, size=8.5, color=SOFT, **at)
        if self.frame is not None:
            _outline(axes, self.frame, "white", 1.0)
        if self.outlines is not None:
            _number(axes, self.outlines)
        if self.bar is not None:
            _bar(figure, place, room, *self.bar)


def _outline(axes: Axes, mask: BoolArray, colour: str, width: float) -> None:
    """A line around a mask, closed along the image's edges too."""
    edges = [np.arange(-1, n + 1) for n in mask.shape]
    axes.contour(edges[1], edges[0], np.pad(mask, 1), levels=[0.5], colors=colour, linewidths=width)
    axes.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def _number(axes: Axes, regions: IntArray) -> None:
    """Outline regions, and number each where it is widest."""
    box = {"boxstyle": "circle,pad=0.2", "facecolor": "black", "edgecolor": "white", "linewidth": 0.6}
    for rank in range(1, int(regions.max(initial=0)) + 1):
        mask = regions == rank
        _outline(axes, mask, "black", 2.4)
        _outline(axes, mask, "#{:02x}{:02x}{:02x}".format(*OUTLINE), 1.2)
        inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(int(inside.argmax()), inside.shape)
        axes.text(
            float(x), float(y), str(rank), size=8, weight="bold", color="white", ha="center", va="center", bbox=box
        )


def _bar(figure: Figure, place: Place, room: float, colours: str, high: float) -> None:
    left, bottom, width, height = place
    axes = figure.add_axes((left + width + 0.12 * room, bottom, 0.16 * room, height))
    axes.imshow(colormaps[colours](np.linspace(1, 0, 256))[:, None, :3], aspect="auto", extent=(0, 1, 0, high))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([0, high], ["0", f"{high:.2g}"], size=7.5, color=SOFT)
    axes.tick_params(length=2, pad=1.5, color=SOFT)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _panels(found: Explanation) -> list[Panel]:
    size: Size = found.picture.shape[0], found.picture.shape[1]

    def near(values: FloatArray) -> ByteArray:
        return coloured(fitted(values, size), NEAR)

    def hot(values: FloatArray, high: float = 1.0) -> ByteArray:
        return heat(found.picture, values, HEAT, high)

    high = max(float(np.percentile(found.eem, 99.5)), 1e-6)
    inside = (found.regions > 0)[..., None]
    look = np.where(inside, found.picture, blend(grey(found.picture), np.full_like(found.picture, 40), 0.55))
    own = found.variant == "input"
    informed = f"{percent(found.kept)} of the patches count as near" + ("" if own else "; not used for 5")
    attention = "Grad-CAM of 4: bright = what it rests on" if own else "8 times 2: bright = what it rests on, near by"
    h, w = found.prediction.shape
    return [
        Panel("1  Image", f"{size[0]} × {size[1]} pixels; the model sees {h} × {w}", found.picture),
        Panel("2  Proximity", f"bright = near; source: {found.depth.name}", near(found.proximity), (NEAR, 1)),
        Panel(
            "3  Patches",
            f"mean proximity of each; near from {found.threshold:.2f} on (outlined)",
            near(found.patches),
            (NEAR, 1),
            frame=fitted(found.patches, size) >= found.threshold,
            smooth=False,
        ),
        Panel("4  Depth-informed image", informed, resized(found.informed, size)),
        Panel("5  Proximity-aware explanation (PAE)", attention, hot(found.pae), (HEAT, 1)),
        Panel(
            "6  Prediction",
            "colours: see the legend",
            class_colours(fitted(found.prediction, size), found.classes),
            smooth=False,
        ),
        Panel("7  Entropy (EBU)", "bright = undecided between classes", hot(found.entropy), (HEAT, 1)),
        Panel("8  Plain Grad-CAM", "bright = what the prediction rests on", hot(found.cam), (HEAT, 1)),
        Panel(
            "9  Explainable error mask (EEM)",
            f"{found.weighing.formula}, {found.weighing.source}",
            hot(found.eem, high),
            (HEAT, high),
            found.regions,
        ),
        Panel("10  Where to look first", "candidates by summed EEM, numbered", look, None, found.regions),
    ]


def _told(found: Explanation) -> list[str]:
    """Lines under the figure, a heading first: the candidates, one sentence each; then where nearness comes from."""
    lines = ["Where to look first, and why"]
    for one in found.candidates[:SENTENCES]:
        lines += textwrap.wrap(f"{one.rank}  {one.sentence}", 132, subsequent_indent="    ")
    if not found.candidates:
        lines.append("No candidate: nothing here stands out.")
    if len(found.candidates) > SENTENCES:
        lines.append(f"and {len(found.candidates) - SENTENCES} more in the file beside this one")
    return [*lines, "", *textwrap.wrap(f"Proximity by “{found.depth.name}”: {found.depth.words}.", 132)]


def _legend(figure: Figure, found: Explanation, corner: tuple[float, float]) -> None:
    """The predicted classes in two columns, the largest first, from ``corner`` (left, top) down."""
    inch = 1 / figure.get_figwidth(), 1 / figure.get_figheight()
    _write(figure, corner, "Predicted classes, share of the image", "bold")
    half = -(-len(found.present) // 2)
    for index, (c, share) in enumerate(found.present):
        left = corner[0] + (PANEL + BAR) / 1.6 * inch[0] * (index // half)
        top = corner[1] - LINE * inch[1] * (1 + index % half)
        place = (left, top - 0.13 * inch[1])
        colour = "#{:02x}{:02x}{:02x}".format(*found.classes.colors[c])
        swatch = Rectangle(place, 0.17 * inch[0], 0.12 * inch[1], transform=figure.transFigure)
        swatch.set(facecolor=colour, edgecolor=SOFT, linewidth=0.5)
        figure.add_artist(swatch)
        _write(figure, (left + 0.27 * inch[0], top), f"{found.classes.names[c]}  {percent(share)}")


def _write(figure: Figure, place: tuple[float, float], text: str, weight: str = "normal", size: float = 9.5) -> None:
    """A line of text below ``place`` (left, top); dollar signs in names are no formula."""
    figure.text(*place, text, size=size, color=INK, weight=weight, va="top", parse_math=False)
