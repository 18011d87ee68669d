"""A run so small that each takes seconds, and what a forked child does with it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from seglens.config import RunConfig, resolve
from seglens.loop import State, create, drive
from seglens.store import Repository
from seglens.types import Stage

# children are forked from a server that has imported everything and computed nothing: no thread pool to inherit
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["seglens.cli"])

TINY: dict[str, Any] = {
    "rounds": 3,
    "score": "pixbal",
    "cut": {"name": "superpixel", "segments": 24},
    "answer": "dominant-class",
    "pick": "stratified",
    "settle": {"name": "sieve", "min_pixels": 8},
    "data": {"name": "streets", "split": "pool", "images": 6, "size": [64, 96]},
    "eval_data": {"name": "streets", "split": "eval", "images": 2, "size": [64, 96]},
    "model": {"name": "fpn", "size": [64, 96], "width": 32},
    "train": {"rhythm": "interactive", "steps": 6, "batch": 4, "checkpoint_steps": 2},
    "budget": {"unit": "clicks", "initial": 12, "per_round": 12},
    "chunk": 4,
    "threads": 1,
}


def spawn(work: Callable[..., None], *args: Any) -> BaseProcess:
    """Begin ``work`` in a forked child."""
    child = FORKS.Process(target=work, args=args)
    child.start()
    return child


def finish(work: Callable[..., None], *args: Any) -> int | None:
    """The exit code of ``work`` in a forked child."""
    child = spawn(work, *args)
    child.join(300)
    return child.exitcode


def tiny(folder: Path, **changes: Any) -> RunConfig:
    """The tiny config, its cache inside ``folder`` so that a kill can hit it too."""
    return resolve({**TINY, "cache": {"dir": str(folder / "cache")}, **changes}, {}, "tiny")


def start(run: Path, config: RunConfig) -> None:
    """Create a run and drive it to its end."""
    create(run, config)
    resume(run)


def resume(run: Path) -> None:
    """Drive a run to its end."""
    assert drive(run).state is State.FINISHED


def die_at_report(run: Path, config: RunConfig | None, what: str, done: int = 0) -> None:
    """Drive a run and be killed at the first report that begins with ``what`` and tells at least ``done`` pieces."""

    def report(said: str, so_far: int, _total: int) -> None:
        if said.startswith(what) and so_far >= done:
            os.kill(os.getpid(), signal.SIGKILL)

    if config is not None:
        create(run, config)
    drive(run, report)


def die_at_commit(run: Path, number: int, stage: str) -> None:
    """Drive a run and be killed when a stage's files are written and its transaction is not yet committed."""
    advance = Repository.advance

    def last_words(self: Repository, round: int, following: Stage | None) -> None:
        done = self.rounds()[-1].stage
        advance(self, round, following)
        if (round, done) == (number, stage):
            os.kill(os.getpid(), signal.SIGKILL)

    Repository.advance = last_words  # type: ignore[method-assign]
    drive(run)


def contents(run: Path) -> dict[str, bytes]:
    """The canonical dump and every label file of a run."""
    repo = Repository.of_run(run)
    try:
        found = {"dump": repo.dump().encode()}
    finally:
        repo.close()
    for folder in ("labels", "provenance"):
        found |= {f"{folder}/{path.name}": path.read_bytes() for path in sorted((run / folder).iterdir())}
    return found


def limited(folder: Path, limit: int, arguments: list[str]) -> None:
    """Run the command with a limit on the bytes of each file it writes; what it says on stderr goes to a file."""
    from seglens.cli import console, main

    sys.argv = ["seglens", *arguments]
    with open(folder / "stderr", "w", encoding="utf-8") as file:
        console.err.file = file
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        main()
