"""The state machine: stage after stage, each committed in one transaction, resumed at the stage not yet committed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch

import seglens
from seglens.config import RunConfig, read_yaml, resolve
from seglens.files import write_bytes
from seglens.loop.audit_set import audit_queries
from seglens.loop.check import check
from seglens.loop.devices import ALONE, Crew, help_training, launch, under_torchrun
from seglens.loop.preparing import prepare
from seglens.loop.progress import told
from seglens.loop.stages import Stages
from seglens.loop.workbench import Report, Workbench
from seglens.oracles.human import asked_twice
from seglens.registry import datasets, depths
from seglens.store import Repository, database
from seglens.store.lock import driver_lock
from seglens.store.pool import Pool
from seglens.store.repository import Round
from seglens.types import Query, SeglensError, Stage

CONFIG = "config.yaml"
STOP = "stop"
WAITING = "waiting for answers"
"""What a driver reports while people answer."""
FOLLOWING: dict[Stage, Stage | None] = dict(zip(Stage, [*list(Stage)[1:], None], strict=True))


class NothingPaid(SeglensError):
    """A budget that pays for no question."""


class State(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    AWAITING = "awaiting"
    FINISHED = "finished"


@dataclass(frozen=True)
class Outcome:
    """How a call of ``drive`` ended: finished, or awaiting answers, and why."""

    state: State
    why: str


@dataclass(frozen=True)
class Step:
    """A stage done: what the event tells of it, and what is committed together with the step forward."""

    told: dict[str, Any] = field(default_factory=dict)
    commit: Callable[[], object] = lambda: None


def silent(_what: str, _done: int, _total: int) -> None:
    """A report that tells nobody."""


def create(run: Path, config: RunConfig) -> None:
    """Make a run's folder: its resolved config and an empty database.

    Raises:
        SeglensError: there is a run in it already, or the config names parts or data that are not there; nothing is
            left behind.
    """
    check_free(run)
    if config.labels_of is not None:
        raise SeglensError("key 'labels_of': written by `seglens retrain`; leave it out")
    config = with_absolute_paths(config)
    bench = Workbench(config, run)
    check(bench)
    if config.store.url is not None:
        database.check_free(config.store.url)
    run.mkdir(parents=True, exist_ok=True)
    with driver_lock(run):
        check_free(run)
        database.remove(run, None)
        mine = None
        try:
            repo = Repository.create(run, config.store.url)
            with repo.writing():  # of two that want the same database, the second sees what the first wrote
                if repo.meta("config") is not None:
                    raise SeglensError(f"key 'store.url', found '{config.store.url}': another run took it just now")
                mine = config.store.url
                Pool(repo).register(bench.pool, bench.data.item)
                repo.set_meta("config", config.digest())
                repo.set_meta("data", bench.pool_digest)
                repo.set_meta("images", bench.data.fingerprint())
                repo.set_meta("state", State.RUNNING.value)
            repo.close()
            write_bytes(run / CONFIG, config.dump().encode())
        except BaseException:
            database.remove(run, mine)
            raise


def check_free(run: Path) -> None:
    """Refuse a folder that holds a run, or something of one."""
    if (run / CONFIG).exists():  # written last: a database without it was never a run
        raise SeglensError(f"{run}: holds a run already; go on with --resume, or choose another folder")
    left = [name for name in ("rounds", "labels", "provenance") if (run / name).exists()]
    if left:
        raise SeglensError(f"{run}: holds '{left[0]}' of another run; choose another folder, or remove it")


def with_absolute_paths(config: RunConfig, folder: Path | None = None) -> RunConfig:
    """The config with every path made absolute, so that a run can be driven from anywhere.

    Args:
        config: of a run.
        folder: what relative paths are taken from; None = the current folder.

    Raises:
        SeglensError: a part's parameters are not right.
    """
    folder = (folder or Path()).absolute()
    changed: dict[str, Any] = {}
    for key, known in (("data", datasets), ("eval_data", datasets), ("depth", depths)):
        part = getattr(config, key)
        # an unknown depth source is refused where something asks for depth
        if part is not None and (known is datasets or part.name in depths.names()):
            changed[key] = known.anchored(part, folder)
    if (folder / config.model.weights).exists():
        weights = os.path.abspath(folder / config.model.weights)
        changed["model"] = config.model.model_copy(update={"weights": weights})
    if config.cache.dir is not None:
        changed["cache"] = config.cache.model_copy(update={"dir": Path(os.path.abspath(folder / config.cache.dir))})
    return config.model_copy(update=changed)


def load_config(run: Path) -> RunConfig:
    """The config that a run was made with."""
    if not (run / CONFIG).exists():
        raise SeglensError(f"{run}: not a run (no {CONFIG} in it)")
    return resolve(read_yaml(run / CONFIG), {}, str(run / CONFIG))


def drive(run: Path, report: Report = silent, wait_seconds: float = 0.0) -> Outcome:
    """Do every stage still to do, until the run stops or waits for answers.

    Args:
        run: the run's folder.
        report: told of progress.
        wait_seconds: how long to wait for a person's answers before giving the run back.

    Raises:
        SeglensError: another driver holds the run, its data changed, or a stage failed; what is committed stays.
    """
    config = load_config(run)
    crew = Crew(config.devices, config.nodes, config.threads)
    if crew.size > 1 and not under_torchrun():
        launch(run, config, report, wait_seconds)
        return _outcome(run)
    bench = Workbench(config, run)
    if not crew.drives:
        help_training(bench, crew)
        raise SystemExit(0)
    with driver_lock(run):
        repo = Repository.of_run(run)
        try:
            with told(run, report) as both:
                outcome = Machine(bench, repo, both, wait_seconds, crew).drive()
            crew.call(None)  # where this process fails, torchrun ends the others
            return outcome
        except Exception as error:
            with suppress(Exception):  # a full disk must not hide why it failed
                repo.log("failed", error=str(error) if isinstance(error, SeglensError) else repr(error))
            raise
        finally:
            repo.close()


def _outcome(run: Path) -> Outcome:
    repo = Repository.of_run(run)
    try:
        return Outcome(State(repo.meta("state") or State.RUNNING), repo.meta("why") or "")
    finally:
        repo.close()


class Machine:
    """Drives one run. Made by ``drive``, which holds the lock."""

    def __init__(
        self, bench: Workbench, repo: Repository, report: Report, wait_seconds: float, crew: Crew = ALONE
    ) -> None:
        self.bench = bench
        self.repo = repo
        self.stages = Stages(bench, repo, report, crew)
        self.report = report
        self.wait_seconds = wait_seconds
        self.parent = os.getppid()
        self._work: dict[Stage, Callable[[int], Step | Outcome]] = {
            Stage.NARROW: self._narrow,
            Stage.SCORE: self._score,
            Stage.PICK: self._pick,
            Stage.ASK: self._ask,
            Stage.AWAIT: self._await,
            Stage.SETTLE: self._settle,
            Stage.TRAIN: self._train,
            Stage.EVALUATE: self._evaluate,
        }

    def drive(self) -> Outcome:
        """See ``drive``."""
        if self.repo.meta("data") != self.bench.pool_digest:
            raise SeglensError(
                f"{self.bench.run}: the pool is not the one this run was made with (images were added, removed or "
                f"renamed). Put it back, take up new images with `seglens add-images {self.bench.run}`, or start a new "
                "run; nothing was changed."
            )
        self.stages.pool.register(self.bench.pool, self.bench.data.item)  # there already, unless an old version made it
        prepare(self.bench, self.report)
        self.repo.set_meta("state", State.RUNNING.value)
        self.repo.set_meta("why", "")
        self.repo.log("started", **_hardware())
        done = [r.number for r in self.repo.rounds() if r.stage is None]
        self.repo.set_metrics(self.stages.audit(done))  # answers to the audit set may have come in since
        outcome = None
        while outcome is None:
            outcome = self._next()
        self.repo.set_meta("state", outcome.state.value)
        self.repo.set_meta("why", outcome.why)
        return outcome

    def _next(self) -> Outcome | None:
        """Begin a round or do one stage; an outcome when the run ends or waits."""
        rounds = self.repo.rounds()
        if not rounds or rounds[-1].stage is None:
            why = self._reason_to_stop(rounds)
            if why:
                return Outcome(State.FINISHED, why)
            number = len(rounds)
            self.repo.begin_round(number, self.stages.allowance(number))
            return None
        number, stage = rounds[-1].number, rounds[-1].stage
        self.report(f"round {number}: {stage.value}", 0, 0)
        begun = time.monotonic()
        step = self._work[stage](number)
        if isinstance(step, Outcome):
            return step
        with self.repo.transaction():
            step.commit()
            self.repo.log("stage", number, stage, seconds=round(time.monotonic() - begun, 3), **step.told)
            self.repo.advance(number, FOLLOWING[stage])
        return None

    def _reason_to_stop(self, rounds: list[Round]) -> str | None:
        config = self.bench.config
        if (self.bench.run / STOP).exists():
            return f"the file '{STOP}' in the run's folder asks for it"
        if not rounds:
            return None
        last = rounds[-1].number
        if last + 1 >= config.rounds:
            return f"all {config.rounds} rounds are done"
        total, spent = config.budget.total, self.stages.spent(last)
        if total is not None and spent >= total:
            return f"the budget of {total:g} {config.budget.unit.value} is spent"
        target = config.budget.target_miou
        name = "audit_miou" if config.eval_data is None else "miou"
        reached = [m.value for m in self.repo.metrics(last, name) if m.truth == "native" and m.value is not None]
        if target is not None and reached and reached[0] >= target:
            return f"mIoU {reached[0]:.3f} reaches the target {target:g}"
        return None

    # -- the stages: do the work; return what to commit together with the step forward ------------------------------
    def _narrow(self, number: int) -> Step:
        return Step({"images": len(self.stages.narrow(number))})

    def _score(self, number: int) -> Step:
        learnt = self.stages.score(number)
        self.stages.keep_scores(number)  # page by page, so that people's answers need not wait; again does no harm
        return Step({"learnt": learnt} if learnt else {})

    def _pick(self, number: int) -> Step | Outcome:
        queries, left = self.stages.pick(number)
        if not left:
            return Outcome(State.FINISHED, "every region of the pool was asked about")
        if not queries and number == 0:
            budget = self.bench.config.budget
            raise NothingPaid(
                f"budget.initial: {budget.initial:g} {budget.unit.value} is less than one question costs; give more"
            )
        audited = audit_queries(self.bench) if number == 0 else []  # asked last: people label first what is learnt from
        return Step({"queries": len(queries)}, lambda: self._add(queries, audited, number))

    def _add(self, queries: list[Query], audited: list[Query], number: int) -> None:
        self.repo.add_queries([*queries, *audited])
        twice, agree = asked_twice([query.id for query in queries], self.bench.oracle, self.bench.chance.child(number))
        if twice:
            self.repo.ask_several(twice, 2, agree)

    def _ask(self, number: int) -> Step:
        self.stages.ask(number)
        return Step()

    def _await(self, number: int) -> Step | Outcome:
        self.stages.ask(number)  # an oracle in this process forgets what it was told when it is killed
        deadline = time.monotonic() + self.wait_seconds
        while True:
            new = self.repo.add_answers(self.bench.oracle.collect())
            asked, waiting = self.repo.standing(number)
            if waiting == 0 or asked - waiting >= self.bench.enough * asked:
                return Step({"answers": new, "waiting": waiting})
            if time.monotonic() >= deadline or os.getppid() != self.parent:  # nobody is there to wait for
                return Outcome(State.AWAITING, f"{waiting} questions wait for answers")
            self.report(WAITING, asked - waiting, asked)
            time.sleep(0.5)

    def _settle(self, number: int) -> Step:
        held = self.stages.settle(number)
        return Step({"held": len(held)}, lambda: self.repo.hold(held))

    def _train(self, number: int) -> Step:
        self.stages.train(number)
        return Step()

    def _evaluate(self, number: int) -> Step:
        metrics = self.stages.evaluate(number)
        return Step({}, lambda: self.repo.set_metrics(metrics))


def _hardware() -> dict[str, Any]:
    """What drives the run: versions, processor, threads."""
    return {
        "seglens": seglens.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
