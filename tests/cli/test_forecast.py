"""``seglens forecast`` as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import start, tiny
from typer.testing import CliRunner

from seglens.cli import app
from seglens.cli.run import summary
from seglens.files import write_bytes
from seglens.loop import create, load_config
from seglens.types import SeglensError, Unit


def said(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["forecast", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*words, "--json").splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forecast")
    start(folder / "run", tiny(folder, rounds=2))
    return folder / "run"


def with_budget(run: Path, folder: Path, **budget: Any) -> Path:
    """The same run, as if its budget had been another one."""
    shutil.copytree(run, folder / "run")
    config = load_config(run)
    changed = config.model_copy(update={"budget": config.budget.model_copy(update=budget)})
    write_bytes(folder / "run" / "config.yaml", changed.dump().encode())
    return folder / "run"


def test_the_next_round_of_a_run(run: Path) -> None:
    found, rounds = told(run), summary(run)["rounds"]
    assert found["measured"] == [{"spent": r["clicks"], "miou": r["miou"]} for r in rounds]
    assert (found["unit"], found["step"], found["next"]["spent"]) == ("clicks", 12, 36)
    assert 0 <= found["next"]["low"] <= found["next"]["miou"] <= found["next"]["high"] <= 1
    assert found["next"] == found["ahead"][0]
    assert (found["asked"], found["worth_it"], found["target"]) == (None, None, None)
    assert told(run, "--clicks", "5")["next"]["spent"] == 29
    text = said(run)
    assert f"{found['next']['low']:.3f} to {found['next']['high']:.3f}" in text
    assert "say with --worth" in text


def test_advice_to_stop_and_to_go_on(run: Path, tmp_path: Path) -> None:
    found = told(run, "--worth", "100000")
    assert (found["worth_it"], found["worth_until"]) == (False, 24)
    assert found["advice"][0].startswith("stop: the next 12 clicks should bring")
    best = max(point["miou"] for point in found["measured"])
    there = with_budget(run, tmp_path, target_miou=best)
    assert "was reached at" in told(there)["advice"][-1]
    never = with_budget(run, tmp_path / "b", target_miou=1.0)
    assert "not to be expected within 10" in said(never)


@pytest.mark.parametrize("unit", [Unit.PIXELS, Unit.IMAGE_EQUIVALENTS, Unit.POOL_SHARE, Unit.SECONDS])
def test_the_budgets_own_unit(run: Path, tmp_path: Path, unit: Unit) -> None:
    found = told(with_budget(run, tmp_path, unit=unit, per_round=0.5), "--worth", "1")
    rounds = summary(run)["rounds"]
    pixels = [r["pixels"] for r in rounds]
    size = {Unit.PIXELS: 1, Unit.IMAGE_EQUIVALENTS: 64 * 96, Unit.POOL_SHARE: 6 * 64 * 96}
    spent = [point["spent"] for point in found["measured"]]
    if unit in size:
        assert spent == pytest.approx([value / size[unit] for value in pixels])
    clicks = 0.5 * (rounds[1]["clicks"] - rounds[0]["clicks"]) / (spent[1] - spent[0])
    assert found["asked"] == pytest.approx(0.01 * clicks / 1000)
    assert found["unit"] == unit


def test_a_budget_in_images_counts_what_was_asked(run: Path, tmp_path: Path) -> None:
    there = with_budget(run, tmp_path, unit=Unit.IMAGES)
    text = (there / "config.yaml").read_text()
    (there / "config.yaml").write_text(text.replace("name: superpixel\n  segments: 24", "name: image"))
    asked = [r["queries"] for r in summary(run)["rounds"]]
    assert [point["spent"] for point in told(there)["measured"]] == [asked[0], sum(asked)]


def test_what_cannot_be_forecast_says_why(tmp_path: Path) -> None:
    create(tmp_path / "new", tiny(tmp_path))
    with pytest.raises(SeglensError, match="needs 2 measured rounds that each spent clicks, found 0"):
        said(tmp_path / "new")
    create(tmp_path / "blind", tiny(tmp_path, eval_data=None))
    with pytest.raises(SeglensError, match="'audit_set': a run without either is never measured"):
        said(tmp_path / "blind")
    with pytest.raises(SeglensError, match="not a run"):
        said(tmp_path / "none")
