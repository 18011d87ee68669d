"""The process that trains while people answer: the same entry as ``seglens run RUN --resume``, one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seglens.loop import State
from seglens.loop.machine import WAITING
from seglens.loop.progress import read_progress
from seglens.store import Repository
from seglens.store.lock import driver_of
from seglens.types import SeglensError, Stage

LOG = "driver.log"
WAIT_SECONDS = 900
"""How long a driver that is done waits for the next answers: its start costs more than many a round."""
KINDNESS = 5
"""How far the driver steps back for the page (nice)."""


@dataclass(frozen=True)
class Standing:
    """Where the run is: its round, the stage to do next, whether a process is at it, and what that is doing."""

    state: State
    round: int | None
    stage: Stage | None
    working: dict[str, Any] | None
    failed: str | None
    enough: bool


class Driver:
    """Starts the run's driver when there is something to do, and tells what it does.

    It lives on when the server dies; a server that starts finds it by the run's lock. What the driver has committed
    stays, whatever becomes of it.

    Args:
        run: the run's folder.
        repo: its store.
        enough: share of a round's answers that ends the waiting.
        automatic: go on by itself; otherwise only when ``start`` is called.
    """

    def __init__(self, run: Path, repo: Repository, enough: float, automatic: bool) -> None:
        self.run, self.repo, self.enough, self.automatic = run, repo, enough, automatic
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: str | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def standing(self) -> Standing:
        """Where the run is now."""
        rounds = self.repo.rounds()
        last = rounds[-1] if rounds else None
        busy = driver_of(self.run) is not None or self._alive()
        number, stage = (last.number, last.stage) if last else (None, None)
        progress = read_progress(self.run) if busy else None
        if stage is Stage.AWAIT and progress is not None and progress.get("what") == WAITING:
            busy = False
        awaits = not busy and stage is Stage.AWAIT
        finished = not busy and self.repo.meta("state") == State.FINISHED.value
        state = State.FINISHED if finished else State.AWAITING if awaits else State.RUNNING
        working = (progress or {"what": "starting", "done": 0, "total": 0}) if busy else None
        if working is not None:
            working = {name: working.get(name) for name in ("what", "done", "total")}
        return Standing(state, number, stage, working, None if busy else self._failed, self._enough(number, stage))

    def _enough(self, number: int | None, stage: Stage | None) -> bool:
        if number is None or stage is not Stage.AWAIT:
            return False
        asked, waiting = self.repo.standing(number)
        return waiting == 0 or asked - waiting >= self.enough * asked

    def start(self) -> None:
        """Start the driver.

        Raises:
            SeglensError: there is nothing to do, or one is at work.
        """
        with self._lock:
            found = self.standing()
            if found.working is not None:
                raise SeglensError(f"the round is at work already: {found.working['what']}")
            if found.state is State.FINISHED:
                raise SeglensError(f"the run is finished: {self.repo.meta('why') or 'nothing is left to do'}")
            if found.state is State.AWAITING and not found.enough:
                asked, waiting = self.repo.standing(found.round or 0)
                raise SeglensError(
                    f"round {found.round} has {asked - waiting} of {asked} answers; it goes on at {self.enough:.0%}"
                )
            if driver_of(self.run) is None:  # one that waits sees for itself that there are enough
                self._spawn()

    def _spawn(self) -> None:
        folder = self.run / "web"
        folder.mkdir(exist_ok=True)
        self._failed = None
        command = [sys.executable, "-m", "seglens", "run", str(self.run.absolute()), "--resume"]
        command += ["--wait", str(WAIT_SECONDS)] if self.automatic else []
        with open(folder / LOG, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        with suppress(OSError):  # gone already, or not allowed to: it works all the same
            os.setpriority(os.PRIO_PROCESS, self._process.pid, KINDNESS)

    def _alive(self) -> bool:
        """Whether the process started here is at work; one that failed leaves its reason."""
        process = self._process
        if process is None:
            return False
        code = process.poll()
        if code is None:
            return True
        self._process = None
        if code != 0:
            self._failed = self._reason(code)
        return False

    def _reason(self, code: int) -> str:
        failures = self.repo.events("failed")
        starts = self.repo.events("started")
        if failures and (not starts or failures[-1].at >= starts[-1].at):
            return str(failures[-1].data.get("error", ""))
        try:
            said = (self.run / "web" / LOG).read_text(errors="replace").strip().splitlines()
        except OSError:
            said = []
        how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
        return f"the training process ended ({how}){': ' + said[-1][:300] if said else ''}"

    # -- by itself --------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """Start the driver if there is something to do, nothing failed, and it is to go on by itself."""
        if not self.automatic or self._alive() or driver_of(self.run) is not None or self._failed is not None:
            return
        found = self.standing()
        if found.working is None and (found.enough or found.state is State.RUNNING):
            with suppress(SeglensError):  # another process was quicker
                self.start()

    def watch(self, interval: float = 0.5) -> threading.Thread:
        """A thread that looks again and again."""
        thread = threading.Thread(target=self._watch, args=(interval,), daemon=True, name="driver-watch")
        thread.start()
        return thread

    def _watch(self, interval: float) -> None:
        while not self._stop.wait(interval):
            try:
                self.look()
            except Exception as error:  # a busy database must not end the watch
                self._failed = self._failed or f"the server could not start the round: {error}"
                time.sleep(interval)

    def close(self) -> None:
        """Stop watching; a driver at work goes on."""
        self._stop.set()
