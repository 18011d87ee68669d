"""What was read from object storage, kept on disk up to a limit."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from seglens.config import CacheConfig
from seglens.files import locked, write_bytes

ROOM = 0.9
"""What is left of a full cache when room is made, fraction of its limit."""
OBJECTS = "objects"
SEAL = 16
"""Bytes of the digest that each file begins with: nobody waits for the disk, so a power cut may damage one."""


@dataclass(frozen=True)
class ObjectCache:
    """Objects kept on disk up to a limit, for every process of the machine; the least recently used go first.

    Args:
        folder: of the files and of ``bytes``, which is never less than what they take.
        max_bytes: the limit; 0 = nothing is kept.
    """

    folder: Path
    max_bytes: int

    def get(self, name: str) -> bytes | None:
        """What is kept under a name; None where there is nothing, or where it is damaged."""
        try:
            sealed = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        data = sealed[SEAL:]
        if _sealed(data) != sealed:
            return None
        with suppress(FileNotFoundError):  # another process made room
            os.utime(self.folder / name)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep ``data``, and let go of others where that takes more than the limit.

        Raises:
            SeglensError: no space left on the disk.
        """
        sealed = _sealed(data)
        if len(sealed) > self.max_bytes:
            return
        with locked(self.folder):
            total = self._counted() + len(sealed)
            if total > self.max_bytes:
                total = self._make_room(len(sealed)) + len(sealed)
            # First the count: killed here, it counts too much. Both under the lock: what _make_room finds is nobody's.
            write_bytes(self.folder / "bytes", str(total).encode(), sync=False)
            write_bytes(self.folder / name, sealed, sync=False)

    def _counted(self) -> int:
        try:
            return int((self.folder / "bytes").read_text())
        except (FileNotFoundError, ValueError):
            return self.max_bytes + 1  # nobody has counted yet

    def _make_room(self, wanted: int) -> int:
        """Remove the least recently used until ``wanted`` bytes fit; what the rest takes, in bytes."""
        with os.scandir(self.folder) as entries:
            files = [(entry, entry.stat()) for entry in entries if entry.name not in ("bytes", "lock")]
        files.sort(key=lambda pair: pair[1].st_mtime_ns)
        total = sum(stat.st_size for _, stat in files)
        goal = self.max_bytes - wanted
        if total > goal:
            goal = min(goal, int(self.max_bytes * ROOM))
        for entry, stat in files:
            if total <= goal:
                break
            Path(entry.path).unlink(missing_ok=True)
            total -= stat.st_size
        return total


def _sealed(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SEAL).digest() + data


def cache_folder(config: CacheConfig) -> Path:
    """Where features, superpixels and objects are kept: the config's folder, $SEGLENS_CACHE, or the user's cache."""
    return config.dir or Path(os.environ.get("SEGLENS_CACHE") or platformdirs.user_cache_dir("seglens"))


_config = CacheConfig()


def keep(config: CacheConfig) -> None:
    """Keep what is read as ``config`` says, from now on and in the whole process."""
    global _config
    _config = config


def cache() -> ObjectCache:
    """Where objects are kept."""
    return ObjectCache(cache_folder(_config) / OBJECTS, int(_config.objects_gib * 2**30))
