"""Read image and mask files: a decoded array or one clear error, never half an image."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from seglens.data.errors import UnreadableError
from seglens.data.storage import Place, length
from seglens.types import ByteArray, IntArray, Size

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
"""Endings of the files taken for images, in lower case."""

_SIXTEEN_BIT = {"I", "I;16", "I;16B", "I;16L"}
_INDEX_MODES = {"1", "L", "P"} | _SIXTEEN_BIT
_PLAIN = {"1", "L", "P", "RGB", "RGBA"}
_ORIENTED = {"JPEG", "MPO", "WEBP", "TIFF"}
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


@contextmanager
def _opened(path: Place) -> Iterator[Image.Image]:
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UnreadableError("PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on: truncated files would pass; switch it off")
    try:
        with Image.open(path if isinstance(path, Path) else io.BytesIO(path.read_bytes())) as image:
            yield image
    except FileNotFoundError:
        raise UnreadableError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        found = f"{length(path)} bytes" if path.is_file() else "no regular file"
        raise UnreadableError(f"{path}: not an image of a known format ({found})") from None
    except _BROKEN as error:
        raise UnreadableError(f"{path}: unreadable or truncated image: {error}") from None


def _turned(image: Image.Image) -> bool:
    """Whether the EXIF orientation swaps height and width. PNGs are taken as they are: reading theirs decodes them."""
    return image.format in _ORIENTED and image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)


def read_size(path: Place) -> Size:
    """(h, w) of an image after its EXIF orientation, from the header alone.

    Raises:
        UnreadableError: missing, or no known format.
    """
    with _opened(path) as image:
        width, height = image.size
        return (width, height) if _turned(image) else (height, width)


def plain_ending(path: Place) -> str:
    """``.png`` or ``.jpg`` where any tool reads the file's pixels as ``read_image`` does, else nothing.

    Raises:
        UnreadableError: missing, or no known format.
    """
    with _opened(path) as image:
        if image.format == "JPEG" and image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return ".jpg"
        return ".png" if image.format == "PNG" and image.mode in _PLAIN else ""


def read_image(path: Place, least: Size | None = None) -> ByteArray:
    """Decode an image to (H, W, 3) uint8 RGB.

    The EXIF orientation of JPEG, WebP and TIFF files is applied; grey becomes three equal channels, 16 bits a channel
    become the upper 8, an alpha channel is dropped.

    Args:
        path: the file.
        least: (h, w) that is enough: a JPEG at least twice as large is decoded at 1/2, 1/4 or 1/8, in less time.

    Raises:
        UnreadableError: missing, no known format, truncated, or of floating-point pixels.
    """
    with _opened(path) as image:
        if least is not None and image.format == "JPEG":
            image.draft(image.mode, least if _turned(image) else least[::-1])  # PIL's sizes are (w, h)
        image.load()
        if image.mode == "F":
            raise UnreadableError(f"{path}: floating-point pixels; allowed are 8 or 16 bits a channel")
        if image.format in _ORIENTED:
            ImageOps.exif_transpose(image, in_place=True)
        if image.mode in _SIXTEEN_BIT:
            upper = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(upper[..., None], 3, axis=2)
        return np.array(image.convert("RGB"), dtype=np.uint8)


def read_mask(path: Place) -> IntArray:
    """Decode a mask of class indices (one channel, or a palette's indices) to (H, W) integers.

    Raises:
        UnreadableError: missing, no known format, truncated, or a colour image.
    """
    with _opened(path) as image:
        image.load()
        if image.mode not in _INDEX_MODES:
            raise UnreadableError(
                f"{path}: a mask of mode {image.mode}; allowed is one channel of class indices, or a palette"
            )
        return np.array(image).astype(np.int32)
