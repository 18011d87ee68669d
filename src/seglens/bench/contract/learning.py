"""The contract of a companion: a short training with it ends the same, however it came to its end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seglens.bench.contract.finding import Finding, found, said
from seglens.bench.contract.school import TAUGHT, School
from seglens.bench.contract.strategy import Strategy
from seglens.loop.machine import silent
from seglens.loop.stages import Stages
from seglens.loop.workbench import Report, Workbench
from seglens.store import Repository

ROUND = 1
"""The round that is trained: there is a model of the round before, for companions that read it."""
STEPS, SAVED, KILLED = 6, 2, 5
"""Of the training; a checkpoint after each ``SAVED``; the step after which it is killed."""

Weights = dict[str, Tensor]


def check_companion(strategy: Strategy, school: School, together: bool = False) -> list[Finding]:
    """Every check on one companion, in order; where it does not run at all, the last finding says so.

    Args:
        strategy: what is checked.
        school: what trials share.
        together: train with a kill and a wrong truth at once, and with each by itself only where that makes a
            difference.
    """
    with tempfile.TemporaryDirectory(dir=school.folder) as folder:
        try:
            course = _Training(strategy, school, Path(folder))
            plain = weights(course.train("plain"))
        except Exception as error:  # somebody's part may raise anything; the user is told what
            return [Finding("runs", said(error))]
        findings = [Finding("runs"), found("finite weights", _not_finite, course, plain)]
        if not (together and found("", _all_at_once, course, plain).passed):
            findings += [found(name, check, course, plain) for name, check in CHECKS.items()]
    return findings


@dataclass(frozen=True)
class _Training:
    """A round's training with a companion, each time in a copy of the school's run.

    Args:
        strategy: what is checked.
        school: what trials share.
        folder: of the copies.
    """

    strategy: Strategy
    school: School
    folder: Path

    def train(self, variant: str, report: Report = silent, **changes: Any) -> Workbench:
        """Train, or go on where a training of this name was killed, all parts built anew.

        Args:
            variant: name of the copy.
            report: told of progress.
            changes: of the config.
        """
        train = {"steps": STEPS, "batch": 4, "checkpoint_steps": SAVED}
        choices = {**TAUGHT, "companions": self.strategy.choices["companions"], "train": train}
        config = self.school.config(choices, self.strategy.name, **changes)
        run = self.folder / variant
        if not run.exists():
            shutil.copytree(self.school.taught(config).run, run)
        bench, repo = Workbench(config, run), Repository.of_run(run)
        try:
            Stages(bench, repo, report).train(ROUND)
        finally:
            repo.close()
        return bench


def weights(bench: Workbench) -> Weights:
    """What a training leaves behind: the model's weights and its companions'."""
    net = bench.net(ROUND + 1)
    assert net is not None
    left = {f"model.{name}": value for name, value in net.state_dict().items()}
    for companion in bench.companions:
        member = bench.member(ROUND + 1, companion.name)
        if member is not None:
            left |= {f"{companion.name}.{name}": value for name, value in member.state_dict().items()}
    return left


def _deterministic(course: _Training, plain: Weights) -> str:
    """The same training again, with the global generator in another state, ends the same, and leaves that as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch.initial_seed() + 1)
        before = torch.get_rng_state()
        again = course.train("again")
        if not torch.equal(torch.get_rng_state(), before):
            return "the global generator was drawn from; draw from the training's chance"
    return _differ(plain, weights(again), "when the same training is done again")


def _resumes(course: _Training, plain: Weights) -> str:
    """A training that is killed ends as one that is not."""
    return _differ(plain, weights(_killed(course, "resumed")), "when the training was killed and went on")


def _killed(course: _Training, variant: str, **changes: Any) -> Workbench:
    """A training that died after a few steps and went on; see ``_Training.train``."""

    def kill(_what: str, done: int, _total: int) -> None:
        if done == KILLED:
            raise _Killed

    with suppress(_Killed):
        course.train(variant, kill, **changes)
    return course.train(variant, **changes)


class _Killed(Exception):
    """The end of a process, as far as it can be played."""


def _no_label_seen(course: _Training, plain: Weights) -> str:
    """With a truth that is wrong everywhere the training ends the same: nothing but settled labels told it any."""
    poisoned = weights(course.train("poisoned", data=course.school.poisoned.model_dump()))
    return _differ(plain, poisoned, "when the truth of what was not answered changes: it sees labels")


def _all_at_once(course: _Training, plain: Weights) -> str:
    """A kill, a wrong truth and another state of the global generator together change nothing either."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch.initial_seed() + 1)
        before = torch.get_rng_state()
        killed = _killed(course, "at-once", data=course.school.poisoned.model_dump())
        kept = torch.equal(torch.get_rng_state(), before)
    return _differ(plain, weights(killed), "") if kept else "the global generator was drawn from"


CHECKS: dict[str, Callable[[_Training, Weights], str]] = {
    "deterministic": _deterministic,
    "resume": _resumes,
    "no label seen": _no_label_seen,
}


def _not_finite(course: _Training, plain: Weights) -> str:
    bad = [name for name, value in plain.items() if not bool(torch.isfinite(value).all())]
    return f"{len(bad)} of {len(plain)} weights are not finite, first {bad[0]}" if bad else ""


def _differ(plain: Weights, other: Weights, when: str) -> str:
    if plain.keys() != other.keys():
        return f"{len(plain.keys() ^ other.keys())} weights are not the same ones {when}"
    moved = [name for name, value in plain.items() if not torch.equal(value.nan_to_num(), other[name].nan_to_num())]
    return f"{len(moved)} of {len(plain)} weights differ, first {moved[0]}, {when}" if moved else ""
