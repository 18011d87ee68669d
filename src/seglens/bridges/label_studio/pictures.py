"""The pictures of a task, in a folder that the server may show."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy.ndimage import binary_dilation

from seglens.files import encode_id, write_bytes
from seglens.functional.run_lengths import decode
from seglens.types import BoolArray, ByteArray, FloatArray, Query

OUTLINE = (255, 0, 255)
"""Colour of the line around a region: magenta, rare in the world."""
COLOURS = "cividis"
"""Of a score map: readable with every kind of colour vision."""
MARGIN = 60
"""Least surroundings in a close-up, native pixels."""


class Pictures:
    """Pictures below a folder that the server shows under ``/data/local-files/``.

    A picture that is there is left as it is: names hold the image, the round or the question, whose pictures do not
    change.

    Args:
        root: the server's document root, as seen from here.
        folder: of the run, below it.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self.root, self.folder = root, folder

    def plain(self, query: Query, image: ByteArray) -> str:
        """The address of the image as it is."""
        return self._kept(f"images/{encode_id(query.image)}.png", lambda: image)

    def outlined(self, query: Query, image: ByteArray) -> str:
        """The address of the whole image with the region outlined; every pixel of the region is as it was."""
        return self._kept(f"questions/{query.id}.png", lambda: _marked(image, _mask(query)))

    def close_up(self, query: Query, image: ByteArray) -> str:
        """The address of the region, outlined, with surroundings of its own size, at least ``MARGIN``."""
        return self._kept(f"close-ups/{query.id}.png", lambda: _cropped(image, _mask(query)))

    def map(self, query: Query, values: FloatArray | None) -> str:
        """The address of a score map in colours, dark = low, from its 2nd to its 98th percentile; grey for none."""
        if values is None:
            return self._kept("no-map.png", lambda: np.full((9, 16, 3), 128, np.uint8))
        found = values
        return self._kept(f"maps/{query.round:03d}-{encode_id(query.image)}.png", lambda: _coloured(found))

    def _kept(self, name: str, make: Callable[[], ByteArray]) -> str:
        path = self.root / self.folder / name
        if not path.exists():
            buffer = io.BytesIO()
            Image.fromarray(make()).save(buffer, "PNG")
            write_bytes(path, buffer.getvalue())
        return f"/data/local-files/?d={quote(f'{self.folder}/{name}')}"


def _mask(query: Query) -> BoolArray:
    return decode(query.region.runs, query.region.size)


def _marked(image: ByteArray, mask: BoolArray) -> ByteArray:
    marked = image.copy()
    marked[binary_dilation(mask, iterations=2) & ~mask] = OUTLINE
    return marked


def _cropped(image: ByteArray, mask: BoolArray) -> ByteArray:
    y, x = np.nonzero(mask)
    margin = max(MARGIN, int(np.ptp(y)) // 2, int(np.ptp(x)) // 2)
    top, left = max(int(y.min()) - margin, 0), max(int(x.min()) - margin, 0)
    return _marked(image, mask)[top : int(y.max()) + 1 + margin, left : int(x.max()) + 1 + margin]


def _coloured(values: FloatArray) -> ByteArray:
    finite = values[np.isfinite(values)].astype(np.float32)
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    unit = np.clip((np.nan_to_num(values.astype(np.float32), nan=low) - low) / max(high - low, 1e-9), 0, 1)
    colours: ByteArray = (colormaps[COLOURS](unit)[..., :3] * 255).astype(np.uint8)
    return colours
