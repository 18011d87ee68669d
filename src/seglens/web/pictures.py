"""Pictures of a run, made once, kept on disk and in memory, given out as bytes."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from seglens.files import write_bytes
from seglens.protocols import SegDataset
from seglens.superpixels.slic import superpixels
from seglens.types import ByteArray, ImageId, IntArray, Region
from seglens.web.thumbs import Box, cropped

SCALES = {"fine": 2000, "medium": 1000, "coarse": 250}
"""Superpixels an image, about, by scale."""
COMPACTNESS = 10.0
LOOKED_AT = 600_000
"""Most pixels of an image that superpixels are computed on: larger ones are shrunk by a whole factor and back."""
MEMORY = 256 * 1024 * 1024
"""Bytes of pictures kept in memory."""
VERSION = "1"


@dataclass(frozen=True)
class Picture:
    """Bytes with their kind, what they are known by, and what else stands in the answer's head."""

    data: bytes
    kind: str
    etag: str
    headers: dict[str, str] = field(default_factory=dict)


class Pictures:
    """Pictures of a pool's images.

    Args:
        data: the images.
        folder: where what is made is kept; can be deleted at any time.
    """

    def __init__(self, data: SegDataset, folder: Path) -> None:
        self.data, self.folder = data, folder
        self._memory: OrderedDict[str, Picture] = OrderedDict()
        self._bytes = 0
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._print = data.fingerprint()

    def photo(self, id: ImageId, exact: bool = False) -> Picture:
        """The image as JPEG, or exactly, as PNG."""
        kind = "png" if exact else "jpeg"
        return self.kept(f"photo-{kind}", id, f"image/{kind}", lambda: _encoded(self.data.image(id), exact))

    def ids(self, id: ImageId, scale: str) -> Picture:
        """Superpixel numbers as RGB PNG: red + 256 green + 65536 blue."""
        return self.kept(f"ids-{scale}", id, "image/png", lambda: _ids(self.data.image(id), SCALES[scale]))

    def thumb(self, id: ImageId, box: Box, size: int, region: Region | None = None) -> Picture:
        """A crop as JPEG, its longer side ``size`` pixels, with a region outlined."""
        lined = "" if region is None else f"-{hashlib.sha256(region.runs.tobytes()).hexdigest()[:16]}"

        def make() -> bytes:
            return _encoded(cropped(self.data.image(id), box, size, region))

        return self.kept(f"thumb-{'-'.join(map(str, box))}-{size}{lined}", id, "image/jpeg", make)

    def ready(self, what: str, id: ImageId) -> Picture | None:
        """What is in memory already."""
        with self._lock:
            found = self._memory.get(self.name(what, id))
            if found is not None:
                self._memory.move_to_end(self.name(what, id))
            return found

    def kept(self, what: str, id: ImageId, kind: str, make: Callable[[], bytes]) -> Picture:
        """A picture from memory or disk, made where it is in neither; two who ask at once wait for one making."""
        found = self.ready(what, id)
        if found is not None:
            return found
        name = self.name(what, id)
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            path = self.folder / name[:2] / name
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                data = make()
                write_bytes(path, data)
            picture = Picture(data, kind, f'"{name}"')
            self.remember(name, picture)
        with self._lock:
            self._making.pop(name, None)
        return picture

    def remember(self, name: str, picture: Picture) -> None:
        """Keep a picture in memory; the longest unused ones go."""
        with self._lock:
            if name not in self._memory:
                self._bytes += len(picture.data)
            self._memory[name] = picture
            while self._bytes > MEMORY and len(self._memory) > 1:
                _, gone = self._memory.popitem(last=False)
                self._bytes -= len(gone.data)

    def name(self, what: str, id: ImageId) -> str:
        """What a picture is known by."""
        return hashlib.sha256(repr((VERSION, self._print, what, id)).encode("utf-8", "replace")).hexdigest()[:32]


def grey(values: ByteArray) -> bytes:
    """A (H, W) uint8 map as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(buffer, "PNG", compress_level=2)
    return buffer.getvalue()


def _encoded(image: ByteArray, exact: bool = False) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image))
    if exact:
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def numbers(image: ByteArray, count: int) -> IntArray:
    """(H, W) superpixels of an image, about ``count``; a large one is looked at smaller."""
    height, width = image.shape[:2]
    factor = int(np.ceil(np.sqrt(height * width / LOOKED_AT)))
    if factor == 1:
        return superpixels(image, count, COMPACTNESS)
    small = Image.fromarray(np.ascontiguousarray(image)).reduce(factor)
    found = superpixels(np.asarray(small), count, COMPACTNESS)
    return found[np.arange(height)[:, None] // factor, np.arange(width) // factor]


def _ids(image: ByteArray, count: int) -> bytes:
    found = numbers(image, min(count, max(image.shape[0] * image.shape[1] // 16, 4))).astype(np.uint32)
    colors = np.stack([found & 255, found >> 8 & 255, found >> 16 & 255], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colors).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
