"""What a benchmark shows while it runs: a line a row, alive; without a terminal a line a round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import TracebackType

from rich.live import Live
from rich.table import Table

from seglens.bench.eta import ends, seconds_left
from seglens.bench.grid import Reached, is_done, reached
from seglens.bench.plan import PlannedRun
from seglens.cli import console
from seglens.loop.workbench import Report


class Board:
    """Shows how far the rows of a grid are.

    Args:
        runs: the grid.
        jobs: runs made at a time.

    Within it, ``of`` gives what a run's progress is told to.
    """

    def __init__(self, runs: Sequence[PlannedRun], jobs: int) -> None:
        self.runs, self.jobs = {run.folder.name: run for run in runs}, jobs
        self.reached = {name: reached(run) for name, run in self.runs.items()}
        self.done = {name for name, run in self.runs.items() if is_done(run)}
        self.failed: set[str] = set()
        self.now: dict[str, str] = {}
        self._open = ExitStack()

    def __enter__(self) -> Board:
        """Begin to show it."""
        if console.err.is_terminal:
            live = Live(get_renderable=self.table, console=console.err, refresh_per_second=2, transient=True)
            self._open.enter_context(live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self._open.close()

    @contextmanager
    def of(self, name: str) -> Iterator[Report]:
        """A run's report; an error that comes through makes it a failed one."""
        self._say(f"{name}: begun")
        heading = ""

        def report(what: str, done: int, total: int) -> None:
            nonlocal heading
            self.now[name] = f"{what} {done}/{total}" if total else what
            begun = what.partition(":")[0]  # of "round 3: train"
            if begun != heading:
                heading = begun
                self.reached[name] = reached(self.runs[name])
                self._say(f"{name}: {begun}{_miou(self.reached[name].miou, ', mIoU so far ')}")

        try:
            yield report
        except Exception as error:
            self.failed.add(name)
            console.err.print(f"{name}: [red]failed:[/] {console.escape(str(error))}")
            raise
        else:
            self.done.add(name)
        finally:
            self.now.pop(name, None)
            self.reached[name] = reached(self.runs[name])
        self._say(f"{name}: done{_miou(self.reached[name].miou, ', mIoU ')}; {self.outlook}")

    def _say(self, line: str) -> None:
        if not console.err.is_terminal:
            console.err.print(console.escape(line))

    @property
    def outlook(self) -> str:
        """Runs done of all, and how long the others will take."""
        left = self.ends
        until = "" if left is None else f", about {_time(max(left.values()))} left"
        return f"{len(self.done)} of {len(self.runs)} runs done{until}"

    @property
    def ends(self) -> dict[str, float] | None:
        """Seconds until each run has ended; None while no round is done."""
        runs = list(self.runs.values())
        left = seconds_left(
            [self.reached[run.folder.name] for run in runs], [run.config.rounds for run in runs], [r.row for r in runs]
        )
        if left is None:
            return None
        over = self.done | self.failed
        left = [0.0 if name in over else seconds for name, seconds in zip(self.runs, left, strict=True)]
        return dict(zip(self.runs, ends(left, self.jobs), strict=True))

    def table(self) -> Table:
        """A line a row: seeds done, rounds done, mean of the latest mIoU, time left, and what is under way."""
        table = Table("row", "seeds", "rounds", "mIoU", "left", "now", title=self.outlook)
        left = self.ends
        for row in dict.fromkeys(run.row for run in self.runs.values()):
            names = [name for name, run in self.runs.items() if run.row == row]
            rounds = sum(self.runs[name].config.rounds for name in names)
            until = None if left is None else max(left[name] for name in names)
            table.add_row(
                console.escape(row),
                f"{len(self.done.intersection(names))}/{len(names)}" + self._failed(names),
                f"{sum(self.reached[name].rounds for name in names)}/{rounds}",
                _miou(_mean([self.reached[name] for name in names])),
                "" if until is None else _time(until),
                console.escape("; ".join(f"seed {self.runs[n].seed}: {self.now[n]}" for n in names if n in self.now)),
            )
        return table

    def _failed(self, names: Sequence[str]) -> str:
        count = len(self.failed.intersection(names))
        return f" ([red]{count} failed[/])" if count else ""


def _mean(reached: Sequence[Reached]) -> float | None:
    known = [run.miou for run in reached if run.miou is not None]
    return sum(known) / len(known) if known else None


def _miou(value: float | None, before: str = "") -> str:
    return "" if value is None else f"{before}{100 * value:.1f}"


def _time(seconds: float) -> str:
    """Hours, minutes and seconds; nothing for nothing."""
    return str(timedelta(seconds=round(seconds))) if seconds else ""
