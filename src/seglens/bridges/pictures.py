"""The pictures that lie beside masks: copied, linked, or left out."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import uuid4

import numpy as np
from PIL import Image

from seglens.data.files import plain_ending
from seglens.files import write_bytes
from seglens.protocols import SegDataset
from seglens.types import ImageId, IntArray, SeglensError


class Beside(StrEnum):
    """What becomes of the pictures."""

    COPY = "copy"
    LINK = "link"
    NONE = "none"


@runtime_checkable
class Filed(Protocol):
    """A dataset whose images are files."""

    def file(self, id: ImageId) -> Path | None:
        """Where an image lies; None where that is no local file."""
        ...


class Pictures:
    """Writes the pictures of a dataset.

    A PNG or JPEG that any tool reads as we do is copied, or linked; anything else (other formats, turned by their EXIF
    orientation, drawn and not stored) becomes a PNG of the same pixels.

    Args:
        data: the images.
        beside: copied, linked or left out.
    """

    def __init__(self, data: SegDataset, beside: Beside) -> None:
        self.data, self.beside = data, beside

    def put(self, folder: Path, name: str, id: ImageId, only: str = "") -> str:
        """Write an image.

        Args:
            folder: it goes below.
            name: without its ending.
            id: the image.
            only: the one ending that is allowed, ``.png``; empty = as it comes.

        Returns:
            The name with its ending, also where no picture is written.
        """
        source = self.data.file(id) if isinstance(self.data, Filed) else None
        ending = plain_ending(source) if source is not None else ""
        keep = source is not None and ending != "" and only in ("", ending)
        full = name + (ending if keep else ".png")
        path = folder / full
        if self.beside is Beside.NONE:
            return full
        path.parent.mkdir(parents=True, exist_ok=True)
        if not keep or source is None:
            write_bytes(path, png(self.data.image(id)))
        elif self.beside is Beside.LINK:
            path.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, path)
        return full


def png(pixels: IntArray, palette: IntArray | None = None) -> bytes:
    """A PNG file.

    Args:
        pixels: (H, W, 3) colours or (H, W) indices, uint8.
        palette: (n, 3) uint8 colours of the indices; None = grey.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8)))
    if palette is not None:
        image.putpalette(palette.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A folder that appears as a whole, or not at all.

    Args:
        out: the folder; empty, or not there yet.

    Raises:
        SeglensError: it holds something already.
    """
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SeglensError(f"{out}: is not an empty folder; choose another one, nothing is written over")
    temporary = out.with_name(f".{out.name}.{uuid4().hex[:8]}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
