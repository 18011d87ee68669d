"""Pictures of a question: where it is, close up, what the model saw there and how much it would teach."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy import ndimage

from seglens.types import BoolArray, ByteArray, ClassTable, FloatArray, IntArray, Size

WIDTH = 280
"""Width of a picture, pixels."""
SCORE_COLOURS = "cividis"
"""Readable with every kind of colour vision, and in grey."""
OUTLINE = (0, 229, 255)
"""Of a candidate: cyan, which the heat colours lack."""
NEAR, HEAT = "viridis", "inferno"
"""Colours of nearness, and of what is doubted or looked at: bright = much; both can be read in grey, too."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Picture:
    """An embedded picture: a data URL, its size, what it shows for those who cannot see it, and a caption."""

    url: str
    width: int
    height: int
    alt: str
    caption: str


def close_box(mask: BoolArray, share: float = 0.3, margin: float = 0.6) -> Box:
    """A half-open box (y0, x0, y1, x1) around a region, with surroundings, in the image's proportions.

    Args:
        mask: (H, W) the region.
        share: the box is at least this share of the image's width and height.
        margin: surroundings on each side, in widths of the region.

    Returns:
        A box inside the image.
    """
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return 0, 0, height, width
    wanted = max(
        share,
        (1 + 2 * margin) * (int(ys.max()) - int(ys.min()) + 1) / height,
        (1 + 2 * margin) * (int(xs.max()) - int(xs.min()) + 1) / width,
    )
    h, w = max(1, round(height * min(wanted, 1))), max(1, round(width * min(wanted, 1)))
    y0 = min(max(0, (int(ys.min()) + int(ys.max()) + 1 - h) // 2), height - h)
    x0 = min(max(0, (int(xs.min()) + int(xs.max()) + 1 - w) // 2), width - w)
    return y0, x0, y0 + h, x0 + w


def sized(picture: ByteArray, mask: BoolArray, smooth: bool) -> ByteArray:
    """``picture`` at ``WIDTH`` with the region outlined in white on black.

    Args:
        picture: (h, w, 3) uint8.
        mask: (h, w) the region in the same frame.
        smooth: interpolate (a photograph) or keep pixels as they are (a map).
    """
    height = max(1, round(WIDTH * picture.shape[0] / picture.shape[1]))
    how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    large = np.array(Image.fromarray(picture).resize((WIDTH, height), how))
    asked = np.array(Image.fromarray(mask).resize((WIDTH, height), Image.Resampling.NEAREST))
    edge = ndimage.binary_dilation(asked, iterations=2) & ~asked
    large[ndimage.binary_dilation(edge, iterations=1)] = 0
    large[edge] = 255
    return large


def fitted(values: FloatArray | ByteArray | IntArray, size: Size) -> np.ndarray:
    """A map of the model's size in the image's own pixels, nearest neighbour."""
    ys, xs = ((2 * np.arange(n) + 1) * values.shape[i] // (2 * n) for i, n in enumerate(size))
    return np.asarray(values[np.ix_(ys, xs)])


def class_colours(prediction: ByteArray, classes: ClassTable) -> ByteArray:
    """(h, w, 3) the classes' own colours; what is no class is black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(classes)] = classes.colors
    return palette[prediction]


def score_colours(score: FloatArray) -> ByteArray:
    """(h, w, 3) a score map from its 2nd percentile (dark) to its 98th (bright)."""
    values = np.asarray(score, np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    unit = np.clip((np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-9), 0, 1)
    return (colormaps[SCORE_COLOURS](unit)[..., :3] * 255).astype(np.uint8)


def coloured(values: FloatArray, colours: str, high: float = 1.0) -> ByteArray:
    """(h, w, 3) a map from 0 (dark) to ``high`` (bright)."""
    unit = np.clip(np.asarray(values, np.float32) / max(high, 1e-9), 0, 1)
    found: ByteArray = (colormaps[colours](unit)[..., :3] * 255).astype(np.uint8)
    return found


def grey(picture: ByteArray) -> ByteArray:
    """(h, w, 3) a photograph without its colours, to lay heat over."""
    flat = picture @ np.array([0.299, 0.587, 0.114])
    return np.repeat(flat[..., None], 3, -1).astype(np.uint8)


def blend(under: ByteArray, over: ByteArray, share: float = 0.72) -> ByteArray:
    """``over`` at ``share``, ``under`` at the rest."""
    return (under * (1 - share) + over * share).astype(np.uint8)


def resized(picture: ByteArray, size: Size) -> ByteArray:
    """A picture at another size, smooth."""
    return np.array(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR), np.uint8)


def heat(picture: ByteArray, values: FloatArray, colours: str = HEAT, high: float = 1.0) -> ByteArray:
    """(H, W, 3) a map of the model's size laid over its photograph."""
    over = coloured(fitted(values, (picture.shape[0], picture.shape[1])), colours, high)
    return blend(grey(picture), over)


def data_url(picture: ByteArray, kind: str) -> str:
    """A data URL: ``jpeg`` for photographs, ``png`` (64 colours) for maps."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    if kind == "jpeg":
        image.save(buffer, "JPEG", quality=80, optimize=True)
    else:
        image.quantize(64, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def photograph(picture: ByteArray, mask: BoolArray, alt: str, caption: str) -> Picture:
    """A photograph with the region outlined."""
    drawn = sized(picture, mask, smooth=True)
    return Picture(data_url(drawn, "jpeg"), drawn.shape[1], drawn.shape[0], alt, caption)


def drawing(picture: ByteArray, mask: BoolArray, alt: str, caption: str) -> Picture:
    """A map with the region outlined."""
    drawn = sized(picture, mask, smooth=False)
    return Picture(data_url(drawn, "png"), drawn.shape[1], drawn.shape[0], alt, caption)


def shown(picture: ByteArray, kind: str, alt: str, caption: str, regions: IntArray | None = None) -> Picture:
    """A whole picture: ``jpeg`` for photographs and what is laid over them, ``png`` for maps.

    Args:
        picture: (h, w, 3) uint8.
        kind: ``jpeg`` or ``png``.
        alt: what it shows, in words.
        caption: below it.
        regions: (h, w) int32, each region from 1 on outlined; None = none.
    """
    how = Image.Resampling.LANCZOS if kind == "jpeg" else Image.Resampling.NEAREST
    height = max(1, round(WIDTH * picture.shape[0] / picture.shape[1]))
    drawn = np.array(Image.fromarray(picture).resize((WIDTH, height), how))
    if regions is not None:
        small = fitted(regions, (height, WIDTH))
        for rank in range(1, int(small.max(initial=0)) + 1):
            inside = np.pad(small == rank, 1)
            drawn[(inside & ~ndimage.binary_erosion(inside, iterations=2))[1:-1, 1:-1]] = OUTLINE
    return Picture(data_url(drawn, kind), WIDTH, height, alt, caption)
