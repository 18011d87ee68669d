"""What a driver is at, in a small file: other processes (the labelling page) read it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seglens.loop.workbench import Report

PROGRESS = "progress.json"
INTERVAL = 0.5
"""Least seconds between two writes about the same work."""


class ProgressFile:
    """A report that also writes what it is told to the run's folder.

    The file is a convenience: it is replaced whole, not synced, and an error while writing it stops nothing.

    Args:
        run: the run's folder.
        report: told first.
    """

    def __init__(self, run: Path, report: Report) -> None:
        self.path = run / PROGRESS
        self.report = report
        self._what = ""
        self._at = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell, and write it down."""
        self.report(what, done, total)
        moment = time.monotonic()
        if what == self._what and moment - self._at < INTERVAL and done != total:
            return
        self._what, self._at = what, moment
        temporary = self.path.with_name(f".{PROGRESS}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps({"pid": os.getpid(), "what": what, "done": done, "total": total}))
            os.replace(temporary, self.path)
        except OSError:
            temporary.unlink(missing_ok=True)


@contextmanager
def told(run: Path, report: Report) -> Iterator[Report]:
    """A report that writes ``progress.json`` as long as the work goes on."""
    file = ProgressFile(run, report)
    try:
        yield file
    finally:
        file.path.unlink(missing_ok=True)


def read_progress(run: Path) -> dict[str, Any] | None:
    """What the run's driver wrote last; None where none is at work."""
    try:
        found = json.loads((run / PROGRESS).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
