"""One driver a run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seglens.types import SeglensError


@contextmanager
def driver_lock(run: Path) -> Iterator[None]:
    """Hold a run's lock: one driver at a time; the lock goes with the process, however it ends.

    Raises:
        SeglensError: another process drives this run.
    """
    path = run / "lock"
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
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
