"""Files every room writes: under a temporary name, then renamed; ids percent-encoded in names."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

import numpy as np
from PIL import Image

from seglens.types import ByteArray, ImageId, IntArray, SeglensError, Size

MAGIC = b"\x89PNG\r\n\x1a\n"
INDEX_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B"})
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
LOCKS = 64
"""Locks of a folder that is worked on in parts."""
BLOCK = 2**20
NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def encode_id(id: ImageId) -> str:
    """An image id as a file name.

    Example:
        >>> encode_id("train/0001TP_006690")
        'train%2F0001TP_006690'
    """
    return quote(id, safe="").replace(".", "%2E") if set(id) <= {"."} else quote(id, safe="")


def decode_id(name: str) -> ImageId:
    """The image id of a file name made by ``encode_id``."""
    return unquote(name)


def write_bytes(path: Path, data: bytes, sync: bool = True) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file; its folder is made where it is not there.
        data: all of it.
        sync: wait until the disk has it; without, a power cut may leave a file that is empty or cut off.

    Raises:
        SeglensError: no space left; the old file, if any, is untouched and no temporary file remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")  # a process's number is no name among nodes
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in NO_SPACE:
            raise no_space(path) from None
        raise


def no_space(path: Path) -> SeglensError:
    """The error for a full disk or a file-size limit."""
    return SeglensError(
        f"{path}: no space left to write it. Everything finished so far is kept: free some space, then go on "
        "with --resume."
    )


@contextmanager
def locked(folder: Path, part: str = "") -> Iterator[None]:
    """Hold a folder's lock: other processes wait for it; it goes with the process, however that ends.

    Args:
        folder: of files that several runs share; made where it is not there.
        part: what is worked on in it, where others may work on the rest meanwhile; of many parts some share a lock.
    """
    name = f"lock-{zlib.crc32(part.encode()) % LOCKS}" if part else "lock"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_map(path: Path, values: ByteArray) -> None:
    """Write a (H, W) uint8 map as an 8-bit grey PNG, the same bytes for the same map."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(buffer, "PNG", compress_level=6)
    write_bytes(path, buffer.getvalue())


def read_map(path: Path) -> ByteArray:
    """A (H, W) uint8 map written by ``write_map``."""
    with Image.open(path) as image:
        return np.array(image, dtype=np.uint8)


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write named arrays as one compressed ``.npz`` (no pickles)."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file written by ``write_arrays``, or ``only`` those of some names or patterns (``sum.*``), the
    others left packed."""
    with np.load(path, allow_pickle=False) as file:
        names = [name for name in file.files if only is None or any(fnmatchcase(name, one) for one in only)]
        return {name: file[name] for name in names}


# -- other people's PNGs -----------------------------------------------------------------------------------------------
def read_index(path: Path, size: Size) -> IntArray:
    """Somebody's PNG of numbers: one channel of 8 or 16 bits, or a palette's indices.

    Args:
        path: the file.
        size: (H, W) that it has to have; anything else is not even unpacked.

    Returns:
        (H, W) int32.

    Raises:
        SeglensError: missing, no PNG, damaged, cut off, of another size, or of colours.
    """
    pixels, mode = _png(path, size, None)
    if mode not in INDEX_MODES:
        raise SeglensError(f"{path}: a PNG of mode {mode}; allowed is one channel of class indices, or a palette")
    return pixels.astype(np.int32)


def read_color(path: Path, size: Size) -> IntArray:
    """Somebody's PNG of colours, or of a palette, as R + 256 G + 65536 B.

    Args:
        path: the file.
        size: (H, W) that it has to have; anything else is not even unpacked.

    Returns:
        (H, W) int32.

    Raises:
        SeglensError: missing, no PNG, damaged, cut off, or of another size.
    """
    rgb = _png(path, size, "RGB")[0].astype(np.int32)
    return rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]


def _png(path: Path, size: Size, mode: str | None) -> tuple[np.ndarray, str]:
    found = png_size(path)
    if found != size:
        raise SeglensError(f"{path}: the mask is {found[0]}x{found[1]}, its image {size[0]}x{size[1]} (height x width)")
    try:
        _whole(path)
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
            return np.array(image.convert(mode) if mode else image), image.mode
    except BROKEN as error:
        raise SeglensError(f"{path}: damaged PNG: {error}") from None


def png_size(path: Path) -> Size:
    """(H, W) from a PNG's first bytes; nothing is unpacked.

    Raises:
        SeglensError: missing, or no PNG.
    """
    try:
        if not path.is_file():
            raise SeglensError(f"{path}: no such file")
        with open(path, "rb") as file:
            head = file.read(24)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise SeglensError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(head) < 24 or not head.startswith(MAGIC) or head[12:16] != b"IHDR":
        raise SeglensError(f"{path}: not a PNG")
    width, height = struct.unpack(">II", head[16:24])
    return height, width


def _whole(path: Path) -> None:
    """Raise an OSError where a PNG is cut off or a checksum does not fit: decoders are content with every pixel."""
    left = path.stat().st_size - len(MAGIC)
    with open(path, "rb") as file:
        file.seek(len(MAGIC))
        while left >= 12:
            length, kind = struct.unpack(">I4s", file.read(8))
            left -= length + 12
            if left < 0:
                break
            found = zlib.crc32(kind)
            for start in range(0, length, BLOCK):
                found = zlib.crc32(file.read(min(BLOCK, length - start)), found)
            if found != int.from_bytes(file.read(4), "big"):
                raise OSError(f"the checksum of its chunk {kind!r} does not fit")
            if kind == b"IEND":
                return
    raise OSError("it ends too early")
