"""One driver a run."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from seglens.types import SeglensError

PATIENCE = 4
"""How often the lock is tried."""


@contextmanager
def driver_lock(run: Path) -> Iterator[None]:
    """Hold a run's lock: one driver at a time; the lock goes with the process, however it ends.

    Raises:
        SeglensError: another process drives this run.
    """
    path = run / "lock"
    with open(path, "a+", encoding="utf-8") as file:
        if not _taken(file):
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise SeglensError(
                f"{run}: another process (pid {holder}) drives this run; one driver at a time. Nothing was changed."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def driver_of(run: Path) -> int | None:
    """The process that drives a run now, or None."""
    try:
        with open(run / "lock", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # for an instant; see ``_taken``
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _written(run / "lock")
    return None


def _written(path: Path) -> int:
    text = path.read_text(encoding="utf-8").strip()
    return int(text) if text.isdigit() else 0


def _taken(file: TextIO) -> bool:
    """Whether the lock could be had; who only looks at it (``driver_of``) holds it for an instant."""
    for attempt in range(PATIENCE):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            time.sleep(0.05 if attempt < PATIENCE - 1 else 0)
    return False
