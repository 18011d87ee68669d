"""The grid of runs: checked before anything is trained, then made, resumed or found done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from seglens.bench.figures import STAMP
from seglens.bench.plan import Bench, PlannedRun
from seglens.bench.provenance import commit
from seglens.bench.workers import Reporter, error_text, side_by_side
from seglens.files import write_bytes
from seglens.loop import State, Workbench, create, drive, load_config, retrain
from seglens.loop.check import check
from seglens.loop.machine import CONFIG, silent, with_absolute_paths
from seglens.loop.workbench import Report
from seglens.store import Repository
from seglens.types import SeglensError


@dataclass(frozen=True)
class Reached:
    """How far a run is: rounds done, its latest mIoU (None = none yet), and the seconds that its rounds took."""

    rounds: int = 0
    miou: float | None = None
    seconds: float = 0.0


def reached(run: PlannedRun) -> Reached:
    """How far a run is, as its database has it; at the start where there is no run yet."""
    if not (run.folder / CONFIG).exists():
        return Reached()
    repo = Repository.of_run(run.folder)
    try:
        done = {r.number for r in repo.rounds() if r.stage is None}
        miou = [m.value for m in repo.metrics(name="miou") if m.truth == "native" and m.class_index == -1]
        seconds = sum(event.data["seconds"] for event in repo.events("stage") if event.round in done)
    finally:
        repo.close()
    return Reached(len(done), miou[-1] if miou else None, seconds)


def is_done(run: PlannedRun) -> bool:
    """Whether nothing is left to do: every round is done, or the run stopped by itself (budget, target, empty pool)."""
    if not (run.folder / CONFIG).exists():
        return False
    if reached(run).rounds >= run.config.rounds:
        return True
    repo = Repository.of_run(run.folder)
    try:
        stopped_by_hand = (repo.meta("why") or "").startswith("the file")
        return repo.meta("state") == State.FINISHED.value and not stopped_by_hand
    finally:
        repo.close()


def check_grid(bench: Bench, runs: Sequence[PlannedRun]) -> None:
    """Look at every run that is there, and build the parts of every row to be run, before anything is trained.

    Raises:
        SeglensError: a folder holds a run of another config, or a row names parts or data that cannot work.
    """
    for run in bench.runs:
        _check_same(run)
    rows = {run.row: run for run in reversed(runs) if not is_done(run)}
    for row, run in rows.items():
        try:
            check(Workbench(with_absolute_paths(run.config), run.folder))
        except SeglensError as error:
            raise SeglensError(f"{bench.path}: row '{row}': {error}") from None


def _check_same(run: PlannedRun) -> None:
    if not (run.folder / CONFIG).exists():
        return
    found, wanted = load_config(run.folder).digest(), with_absolute_paths(run.config).digest()
    if found != wanted:
        raise SeglensError(
            f"{run.folder}: a run of another config ({found}) than row '{run.row}', seed {run.seed} of the file "
            f"({wanted}); remove it to measure this one, or choose another --runs"
        )


def untold(_name: str) -> AbstractContextManager[Report]:
    """Tells nobody."""
    return nullcontext(silent)


def drive_grid(
    runs: Sequence[PlannedRun], reporter: Reporter = untold, jobs: int = 1
) -> Iterator[tuple[PlannedRun, str | None]]:
    """Make, resume or find each run done; one that fails stops no other.

    Args:
        runs: in the order they are begun.
        reporter: called with a run's name: a context that gives what its progress is told to.
        jobs: runs made at a time; more than one are made in processes of their own.

    Yields:
        Each run as soon as it has ended, with its error; None = it is done. What a failed run has committed stays.
    """
    left: list[PlannedRun] = []
    for run in runs:
        if is_done(run):
            yield run, None
        else:
            left.append(run)
    if jobs > 1:
        yield from side_by_side(left, jobs, make_run, reporter)
        return
    threads = torch.get_num_threads()
    for run in left:
        torch.set_num_threads(threads)  # the run before may have set its own
        yield run, _error(run, reporter)


def _error(run: PlannedRun, reporter: Reporter) -> str | None:
    try:
        with reporter(run.folder.name) as report:
            make_run(run, report)
    except Exception as error:
        return error_text(error)
    return None


def make_run(run: PlannedRun, report: Report) -> None:
    """Make a run, or go on with it.

    Raises:
        SeglensError: it waits for people, or one of its stages failed.
    """
    if not (run.folder / CONFIG).exists():
        # before the run: killed in between, the stamp is written anew
        write_bytes(run.folder / STAMP, (commit() or "").encode())
        if run.labels_of is not None:
            retrain(run.labels_of, run.folder, run.config)
        else:
            create(run.folder, run.config)
    outcome = drive(run.folder, report)
    if outcome.state is not State.FINISHED:
        raise SeglensError(f"{run.folder}: {outcome.why}; a benchmark needs an 'ask' that answers by itself")


def outlook(bench: Bench, only: Sequence[str] = ()) -> dict[str, Any]:
    """The grid, or some of its rows, before it is run: every run with its rounds, and how many trainings are left."""
    listed: list[dict[str, Any]] = []
    needed = {run.folder for run in bench.to_make(only)}
    for run in bench.shown(only):
        known = run.folder not in needed or is_done(run)
        rounds = run.config.rounds if run.labels_of is None else 1  # on another's labels only the last is trained
        done = rounds if known else min(reached(run).rounds, rounds - 1)
        told = {"row": run.row, "seed": run.seed, "folder": str(run.folder), "preset": run.config.preset}
        listed.append({**told, "config": run.config.digest(), "rounds": rounds, "done": done})
    total, done = sum(run["rounds"] for run in listed), sum(run["done"] for run in listed)
    return {"runs": listed, "trainings": total, "trainings_left": total - done}
