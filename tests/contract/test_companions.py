"""The contract of every registered companion, and that the checks find what breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import seglens.training.companions  # noqa: F401 - the import registers the parts
from seglens.bench.contract import School, check_strategy, find_strategy
from seglens.cli import app
from seglens.config import NoParams
from seglens.files import read_map
from seglens.registry import companions, judges

CONTRACT_PARAMS: dict[str, dict[str, Any]] = {
    "confident": {"entropy": 10.0},
    "mean-teacher": {"threshold": 0.0, "warm_up": 0.0},
}
"""Parameters for companions that would teach nothing here: a model of a few steps is never sure."""


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    school = School()
    yield school
    school.close()


@pytest.mark.parametrize("name", companions.names())
def test_a_companion_keeps_the_contract(name: str, school: School) -> None:
    part = {"name": name, **CONTRACT_PARAMS.get(name, {})}
    strategy = replace(find_strategy(f"companion/{name}"), choices={"companions": [part]})
    findings = check_strategy(strategy, school, together=True)
    assert [f"{found.check}: {found.why}" for found in findings if not found.passed] == []
    assert findings[1].check == "runs"


def test_the_table_names_no_companion_that_is_gone() -> None:
    assert set(CONTRACT_PARAMS) <= set(companions.names())


class Scale(nn.Module):
    """A network of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))

    spec: ClassVar[dict[str, Any]] = {}
    kind: ClassVar[str] = "scale"


class Counts:
    """Adds a little of how many steps it has seen; each of its heirs breaks one line of the contract."""

    Params = NoParams
    name: ClassVar[str] = "counts"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params, context):
        self.params, self.context, self.steps = params, context, 0

    def start(self, net, course):
        self.course, self.steps = course, 0

    def model(self):
        return None

    def prepare(self, batch, unlabelled):
        return batch

    def loss(self, outputs):
        return outputs.logits.square().mean() * self.steps

    def step(self):
        self.steps += 1

    def state(self):
        return {"counts": self}

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


class Forgets(Counts):
    """A checkpoint has nothing of it."""

    def state(self):
        return {}


class GlobalChance(Counts):
    """Draws from the generator of everybody."""

    def loss(self, outputs):
        return outputs.logits.square().mean() * torch.rand(())


class Peeks(Counts):
    """Opens the masks that lie beside the images."""

    def loss(self, outputs):
        data = self.course.source.data
        files = {id: data._entries[id].image.parents[2] / "masks" / f"{id}.png" for id in outputs.batch.ids}
        return outputs.logits.square().mean() * sum(float(read_map(file).mean()) for file in files.values())


class Runaway(Counts):
    """Leaves behind a network of no numbers."""

    def model(self):
        left = Scale()
        nn.init.constant_(left.scale, float("nan"))
        return left


BROKEN = {Forgets: "resume", GlobalChance: "deterministic", Peeks: "no label seen", Runaway: "finite weights"}


@pytest.mark.parametrize("part", [Counts, *BROKEN], ids=lambda part: part.__name__)
def test_what_breaks_the_contract_is_found(part: type, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "_parts", {**companions._parts, "counts": part})
    monkeypatch.setattr(judges, "_parts", {**judges._parts, "scale": Scale})
    findings = check_strategy(find_strategy("companion/counts"), school, together=True)
    failed = {found.check for found in findings if not found.passed}
    assert BROKEN[part] in failed if part in BROKEN else not failed


def test_the_command_checks_a_companion() -> None:
    said = CliRunner().invoke(app, ["check-strategy", "snapshots"])
    assert said.exit_code == 0, said.output
    checks = ("params frozen", "runs", "finite weights", "deterministic", "resume", "no label seen")
    assert said.output.split("\n")[:-1] == [f"pass  {check}" for check in checks]
