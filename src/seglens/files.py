"""Files every room writes: under a temporary name, then renamed; ids percent-encoded in names."""

from __future__ import annotations

import errno
import fcntl
import io
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

import numpy as np
from PIL import Image

from seglens.types import ByteArray, ImageId, SeglensError

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


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        SeglensError: no space left; the old file, if any, is untouched and no temporary file remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")  # a process's number is no name among nodes
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
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
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock: other processes wait for it; it goes with the process, however that ends.

    Args:
        folder: of files that several runs share; made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
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
    """The arrays of a file written by ``write_arrays``, or ``only`` those named, the others left packed."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if only is None or name in only}
