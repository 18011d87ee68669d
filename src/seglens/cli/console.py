"""What the terminal shows: progress and tables on stderr, results on stdout, JSON as the last line where asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from seglens.loop.workbench import Report

__all__ = ["err", "escape", "out", "print_json", "progress"]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object as one line, the last of the output; NaN has no place in JSON and raises."""
    sys.stdout.write(json.dumps(values, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def progress(title: str = "") -> Iterator[Report]:
    """A report that draws one bar for the work under way; without a terminal it prints a line when the work changes."""
    if not err.is_terminal:
        yield _Lines(title)
        return
    columns = (
        TextColumn("[bold]{task.fields[title]}[/] {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bars:
        yield _Bar(bars, title)


class _Bar:
    def __init__(self, bars: Progress, title: str) -> None:
        self.bars, self.title = bars, title
        self.what = ""
        self.task: TaskID | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self.what or self.task is None:
            if self.task is not None:
                self.bars.remove_task(self.task)
            self.what, self.task = what, self.bars.add_task(what, total=None, title=self.title)
        if total:
            self.bars.update(self.task, completed=done, total=total)


class _Lines:
    def __init__(self, title: str) -> None:
        self.prefix = f"{title}: " if title else ""
        self.what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self.what:
            self.what = what
            err.print(f"{self.prefix}{what}")
