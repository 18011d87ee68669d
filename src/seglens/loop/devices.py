"""A run whose trainings several processes share: one drives, the others wait to train with it.

They are started by torchrun, ours on one machine (``launch``) or the user's on several. All see the run's folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from seglens.config import RunConfig, cores
from seglens.loop.progress import read_progress
from seglens.loop.workbench import Report, Workbench
from seglens.protocols import Progress
from seglens.store import LabelFiles
from seglens.store.lock import driver_of
from seglens.training import TrainSource, train
from seglens.types import ModelSet, SeglensError, Stage

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOG = "devices.log"
TRAINING = "training.pt"
"""A training that is under way."""
FOR_EVER = timedelta(days=365)
"""The others wait while one drives: it scores, and people answer."""


@dataclass(frozen=True)
class Crew:
    """The processes of a run.

    Args:
        devices: processes on each machine.
        nodes: machines.
        threads: torch threads of a process that has no accelerator; None = its share of the cores.
    """

    devices: int = 1
    nodes: int = 1
    threads: int | None = None

    @property
    def size(self) -> int:
        """Processes in all."""
        return self.devices * self.nodes

    @property
    def drives(self) -> bool:
        """Whether this process is the one that drives."""
        return self.size == 1 or self.fabric.global_rank == 0

    @cached_property
    def fabric(self) -> Fabric:
        """Device and strategy of this process; made once, when all processes make theirs.

        Raises:
            SeglensError: other processes than the config names, or not so many devices.
        """
        from lightning_fabric import Fabric  # takes two seconds: only a training waits for it

        if self.size == 1:
            return Fabric(accelerator="auto", devices=1)
        found, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        if (found, here) != (self.size, self.devices):
            raise SeglensError(
                f"devices: torchrun started {found} processes, {here} of them here; the run's config has "
                f"{self.nodes} x {self.devices} (nodes, devices)"
            )
        if torch.cuda.is_available():
            if torch.cuda.device_count() < self.devices:
                raise SeglensError(
                    f"devices: found {self.devices}, allowed: 1 to {torch.cuda.device_count()}, the accelerators here"
                )
        else:
            torch.set_num_threads(self.threads or max(1, cores() // self.devices))
        fabric = Fabric(accelerator="auto", devices=self.devices, num_nodes=self.nodes, strategy="ddp")
        fabric.launch()
        return fabric

    @cached_property
    def _waiting(self) -> Any:
        return dist.new_group(backend="gloo", timeout=FOR_EVER)

    def call(self, round: int | None) -> None:
        """Have the others train a round with this process, or go home."""
        if self.size > 1:
            dist.broadcast_object_list([round], src=0, group=self._waiting)

    def called(self) -> int | None:
        """Wait for the round to train; None = go home."""
        told: list[int | None] = [None]
        dist.broadcast_object_list(told, src=0, group=self._waiting)
        return told[0]


ALONE = Crew()


def train_round(bench: Workbench, round: int, fabric: Fabric, progress: Progress | None = None) -> ModelSet:
    """A round's training on the labels so far, by all processes of ``fabric`` alike."""
    files = LabelFiles(bench.run)
    source = TrainSource(bench.data, files.ids(), files.read, bench.cache, bench.pool, round, lambda: bench.net(round))
    return train(
        bench.fresh_net(round),
        source,
        bench.config.train,
        bench.chance.child(round, Stage.TRAIN.value),
        fabric=fabric,
        checkpoint=bench.folder(round) / TRAINING,
        progress=progress,
        companions=bench.companions,
    )


def help_training(bench: Workbench, crew: Crew) -> None:
    """Train with the process that drives, whenever it calls, until it sends the others home."""
    while (round := crew.called()) is not None:
        train_round(bench, round, crew.fabric)


def under_torchrun() -> bool:
    """Whether this process was started by torchrun."""
    return dist.is_available() and dist.is_torchelastic_launched()


def launch(run: Path, config: RunConfig, report: Report, wait_seconds: float) -> None:
    """Drive a run by as many processes on this machine as its config names, until it stops or waits.

    Raises:
        SeglensError: the run needs several machines, or a process failed; what is committed stays.
    """
    command = ["-m", "seglens", "run", str(run.absolute()), "--resume", "--wait", str(wait_seconds)]
    if config.nodes > 1:
        raise SeglensError(
            f"nodes: {config.nodes}; start this on each of them, in a folder that all see: torchrun --nnodes "
            f"{config.nodes} --nproc-per-node {config.devices} --rdzv-backend c10d --rdzv-endpoint HOST:PORT "
            f"{' '.join(command[:-2])}"
        )
    if (busy := driver_of(run)) is not None:
        raise SeglensError(f"{run}: another process (pid {busy}) drives this run; one driver at a time")
    parent = os.getppid()
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(config.devices)]
    with open(run / LOG, "wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *torchrun, *command], stdout=log, stderr=log)
        try:
            while process.poll() is None and os.getppid() == parent:
                told = read_progress(run)
                if told is not None:
                    report(told["what"], told["done"], told["total"])
                time.sleep(0.5)
        finally:
            if process.poll() is None:  # interrupted, or nobody is there any more: torchrun ends its processes
                process.terminate()
                process.wait()
    if process.returncode:
        raise SeglensError(f"devices: a process ended early ({_reason(run / LOG)}); all they said is in {run / LOG}")


def _reason(log: Path) -> str:
    """The first error that a process told, or the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(error|[\w.]*(Error|Exception)): ", line)]
    return (errors or lines[-1:] or ["nothing said"])[0].removeprefix("error: ")[:300]
