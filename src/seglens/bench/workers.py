"""Runs side by side: each process makes one run after another, and ends when its parent does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Connection, wait

import torch

from seglens.bench.plan import PlannedRun
from seglens.config import cores
from seglens.loop.workbench import Report
from seglens.types import SeglensError

PROCESSES = multiprocessing.get_context("spawn")
"""Spawned: a fork would inherit thread pools in the middle of their work."""
TELL_SECONDS = 0.2
"""Progress within one stage is passed on this often."""

Work = Callable[[PlannedRun, Report], None]
Reporter = Callable[[str], AbstractContextManager[Report]]


def error_text(error: Exception) -> str:
    """What is told of a failed run: its message where the user can act on it, the whole trace of anything else."""
    return str(error) if isinstance(error, SeglensError) else "".join(traceback.format_exception(error)).rstrip()


def share(jobs: int) -> int:
    """Threads of each of ``jobs`` processes.

    Example:
        >>> share(10**6)
        1
    """
    return max(1, cores() // jobs)


class Worker:
    """A process that makes one run at a time.

    Args:
        work: makes a run; it is sent to the process.
        threads: torch threads of runs whose config names no number.
    """

    def __init__(self, work: Work, threads: int) -> None:
        self.pipe, theirs = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=_serve, args=(theirs, work, threads), daemon=True)
        self.process.start()
        theirs.close()  # so that its end is seen here
        self.run: PlannedRun | None = None
        self._told = ExitStack()
        self._report: Report | None = None

    def begin(self, run: PlannedRun, reporter: Reporter) -> None:
        """Give it a run to make."""
        self.run = run
        self._report = self._told.enter_context(reporter(run.folder.name))
        with suppress(BrokenPipeError):  # it has just died: heard next
            self.pipe.send(run)

    def hear(self) -> tuple[PlannedRun, str | None] | None:
        """Take one message in.

        Returns:
            The run that has ended, with its error; None while it goes on.
        """
        assert self.run is not None
        assert self._report is not None
        try:
            said = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            said = (f"its process ended by itself (exit code {self.process.exitcode}); is there enough memory?",)
        if len(said) == 3:
            self._report(*said)
            return None
        error = None if said[0] is None else SeglensError(said[0])
        self._told.__exit__(type(error) if error else None, error, None)
        ended, self.run = self.run, None
        return ended, said[0]

    def end(self) -> None:
        """End the process, whatever it is at; what its run has committed stays."""
        self._told.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)  # what it is at is neither done nor failed
        self.process.kill()
        self.process.join()
        self.pipe.close()


def side_by_side(
    runs: Sequence[PlannedRun], jobs: int, work: Work, reporter: Reporter
) -> Iterator[tuple[PlannedRun, str | None]]:
    """Make runs in ``jobs`` processes, begun in order.

    Args:
        runs: what to make.
        jobs: processes at a time.
        work: makes one run, in a process of its own.
        reporter: told of progress here, run by run.

    Yields:
        Each run as soon as it has ended, with its error; None = it is done.
    """
    waiting = list(runs)
    workers = [Worker(work, share(jobs)) for _ in range(min(jobs, len(waiting)))]
    try:
        while waiting or any(worker.run for worker in workers):
            for place, worker in enumerate(workers):
                if worker.run is None and waiting:
                    if not worker.process.is_alive():
                        worker.end()
                        worker = workers[place] = Worker(work, share(jobs))
                    worker.begin(waiting.pop(0), reporter)
            busy = {worker.pipe: worker for worker in workers if worker.run is not None}
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                ended = busy[pipe].hear()
                if ended is not None:
                    yield ended
    finally:
        for worker in workers:
            worker.end()


def _serve(pipe: Connection, work: Work, threads: int) -> None:
    """The process: runs come in, progress and ends go out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them: the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            run = pipe.recv()
        except EOFError:
            return
        torch.set_num_threads(threads)
        try:
            work(run, _teller(pipe))
            pipe.send((None,))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send((error_text(error),))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)  # a run survives a kill at any time


def _teller(pipe: Connection) -> Report:
    """Sends what is new at once, and the progress of the same now and then."""
    last: tuple[str, float] = ("", 0.0)

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if what != last[0] or now - last[1] >= TELL_SECONDS:
            last = what, now
            pipe.send((what, done, total))

    return report
