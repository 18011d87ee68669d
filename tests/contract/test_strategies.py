"""The contract of every preset and part, somebody else's among them, and that the checks find what breaks it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seglens.acquisition.presets import load_preset, preset_names
from seglens.bench.contract import School, check_strategy, every_strategy, find_strategy
from seglens.bench.contract.strategy import KINDS
from seglens.cli import app
from seglens.config import NoParams, PartConfig
from seglens.files import read_map
from seglens.functional.uncertainty import entropy
from seglens.registry import Registry, scores
from seglens.types import PixelScore, SeglensError

PACKAGE = '''
import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.types import PixelScore


class Doubt(Params):
    power: float = Field(1.0, gt=0, description="exponent of the doubt")


class DoubtScore:
    """One minus the highest probability, to a power."""

    Params = Doubt
    needs = frozenset({"probs"})
    privileged = False

    def __init__(self, params, context):
        self.params = params

    def pixels(self, ev):
        return PixelScore(value=(1 - ev.probs.amax(dim=1)) ** self.params.power)

    def finish(self, rows):
        return rows.arrays["value"].astype(np.float64)


class LoudScore(DoubtScore):
    """Ranks by chance that nobody gave it."""

    def finish(self, rows):
        return np.random.default_rng().random(len(rows))
'''


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    school = School()
    yield school
    school.close()


def named_by_presets() -> set[str]:
    """Parts that a preset names and is checked with, as ``kind/name``; not picks: a preset may leave few choices."""
    found = set()
    for name in preset_names():
        for kind, given in load_preset(name).items():
            parts = given if kind in ("narrow", "companions") else [given]
            found |= {f"{kind}/{PartConfig.model_validate(p).name}" for p in parts if kind in KINDS and kind != "pick"}
    return found


def checked_here() -> list[str]:
    """Every strategy; companions have a file of their own, depth sources are with theirs."""
    elsewhere = ("companion/", "depth/")
    return [name for name in every_strategy() if name not in named_by_presets() and not name.startswith(elsewhere)]


@pytest.mark.parametrize("name", checked_here())
def test_a_strategy_keeps_the_contract(name: str, school: School) -> None:
    findings = check_strategy(find_strategy(name), school, together=True)
    assert [f"{found.check}: {found.why}" for found in findings if not found.passed] == []
    assert findings[1].check == "runs"


# -- somebody else's -------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a score, as pip would leave it; the registry looks for entry points anew."""
    (tmp_path / "doubtful.py").write_text(PACKAGE)
    info = tmp_path / "doubtful-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: doubtful\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[seglens.score]\nthird-party-doubt = doubtful:DoubtScore\n")
    monkeypatch.syspath_prepend(tmp_path)
    parts = dict(scores._parts)
    monkeypatch.setattr(scores, "_parts", parts)
    monkeypatch.setattr(scores, "_loaded", False)
    yield
    sys.modules.pop("doubtful", None)


def test_an_installed_package_goes_through_the_same_door(installed: None, tmp_path: Path, school: School) -> None:
    assert "score/third-party-doubt" in every_strategy()
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        "score: {name: third-party-doubt, power: 2}\ncut: superpixel\nanswer: dominant-class\npick: top\n"
    )
    for name in ("third-party-doubt", "doubtful:DoubtScore", str(preset)):
        assert all(found.passed for found in check_strategy(find_strategy(name), school, together=True))


def test_the_command_says_what_passes_and_what_fails(installed: None) -> None:
    good = CliRunner().invoke(app, ["check-strategy", "third-party-doubt", "--json"])
    assert good.exit_code == 0, good.output
    told = json.loads(good.output.splitlines()[-1])
    assert told["passed"]
    assert {"budget kept", "no label seen", "resume"} <= {check["check"] for check in told["checks"]}
    bad = CliRunner().invoke(app, ["check-strategy", "doubtful:LoudScore"])
    assert bad.exit_code == 1
    assert "fail  deterministic: " in bad.output
    assert "when the same round is played again" in bad.output
    assert "pass  budget kept" in bad.output


# -- what breaks it --------------------------------------------------------------------------------------------------


class Broken:
    """Entropy; each of its heirs breaks one line of the contract."""

    Params = NoParams
    needs = frozenset({"logits"})
    privileged = False

    def __init__(self, params, context):
        self.params, self.context = params, context

    def pixels(self, ev):
        return PixelScore(value=entropy(ev.logits))

    def finish(self, rows):
        return rows.arrays["value"]


class Peeks(Broken):
    """Opens the masks that lie beside the images."""

    def pixels(self, ev):
        value = entropy(ev.logits)
        for index, id in enumerate(ev.ids):
            images = self.context.data._entries[id].image.parents[1]
            value[index] += read_map(images.parent / "masks" / f"{id}.png").mean()
        return PixelScore(value=value)


class ByBatch(Broken):
    """Takes the mean of whatever lies in the batch."""

    def pixels(self, ev):
        value = entropy(ev.logits)
        return PixelScore(value=value - value.mean())


class ByPlace(Broken):
    """Ranks by where a row stands."""

    def finish(self, rows):
        return rows.arrays["value"] + 0.01 * range(len(rows))[-1] * (rows.images == rows.images[0])


class NotFinite(Broken):
    """Divides by nothing."""

    def finish(self, rows):
        value = rows.arrays["value"].astype(float)
        value[0] = float("nan")
        return value


class Remembers(Broken):
    """Keeps in memory what it saw of the chunks before."""

    def __init__(self, params, context):
        super().__init__(params, context)
        self.seen = 0

    def pixels(self, ev):
        self.seen += 1
        return PixelScore(value=entropy(ev.logits) + self.seen)


class ByRest(Broken):
    """Compares a row with the others at hand, as if these were the pool."""

    def finish(self, rows):
        value = rows.arrays["value"]
        return abs(value - value.mean())


BROKEN = {
    Peeks: "no label seen",
    ByBatch: "batch size",
    ByPlace: "pool order",
    NotFinite: "runs",
    Remembers: "resume",
    ByRest: "pool in pieces",
}


@pytest.mark.parametrize("part", list(BROKEN), ids=lambda part: part.__name__)
def test_what_breaks_the_contract_is_found(part: type, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "_parts", {**scores._parts, "broken": part})
    findings = check_strategy(find_strategy("score/broken"), school, together=True)
    assert BROKEN[part] in {found.check for found in findings if not found.passed}


def test_params_that_can_change_are_found(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic import BaseModel

    class Loose(Broken):
        class Params(BaseModel):
            power: float = 1.0

    monkeypatch.setattr(scores, "_parts", {**scores._parts, "broken": Loose})
    found = check_strategy(find_strategy("score/broken"), school, together=True)[0]
    assert "its Params can be changed" in found.why


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such", "no preset and no part"),
        ("difficulty", "the name of several parts. Allowed: score/difficulty, narrow/difficulty"),
        ("score/entropi", "did you mean 'entropy'"),
        ("seglens.nowhere:X", "no such class"),
        ("seglens.config:Params", "no part. A part is known by its methods: score: pixels and finish"),
    ],
)
def test_an_unknown_strategy_is_refused(name: str, message: str) -> None:
    with pytest.raises(SeglensError, match=message.replace(".", r"\.")):
        find_strategy(name)


def test_every_kind_is_a_registry() -> None:
    assert all(isinstance(kind, Registry) for kind in KINDS.values())
