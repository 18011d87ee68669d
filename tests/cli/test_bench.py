"""``seglens bench`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import yaml
from tiny import TINY
from typer.testing import CliRunner

from seglens.bench import FailedRuns
from seglens.cli import app
from seglens.types import SeglensError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A benchmark of two rows, one round and one seed."""
    base = {key: TINY[key] for key in ("data", "eval_data", "model", "train", "budget", "chunk", "threads")}
    values: dict[str, Any] = {
        "title": "Two [rows]",
        "runs": str(tmp_path / "runs"),
        "base": base | {"rounds": 1, "cut": {"segments": 24}, "cache": {"dir": "cache"}},
        "rows": [{"name": "a", "preset": "default"}, {"name": "b", "preset": "random-superpixel"}],
        "reference": "b",
    }
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def ten_seeds() -> dict[str, Any]:
    """The JSON of two rows of ten seeds, one of them better in each."""
    rounds = {"clicks": 0.0, "pixels": 0.0, "pixel_share": 0.0, "person_seconds": 0.0, "miou_at_model_size": None}

    def run(seed: int, gain: float) -> dict[str, Any]:
        at = [rounds | {"clicks": n, "pixel_share": n / 9, "seconds": {}} for n in (1, 2)]
        value = 0.3 + gain + seed / 500
        made = [one | {"miou": value, "iou": [value, value, None]} for one in at]
        return {"seed": seed, "config": "", "commit": None, "model_size": [8, 8], "rounds": made}

    rows = {"one [new]": [run(seed, 0.1 + seed / 999) for seed in range(10)], "other": [run(s, 0) for s in range(10)]}
    return {"classes": ["road", "car", "rider & co"], "eval_images": 3, "rows": rows}


def said(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["bench", *(str(word) for word in words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_dry_run_shows_the_grid_and_makes_nothing(file: Path) -> None:
    found = json.loads(said(file, "--dry-run", "--json").splitlines()[-1])
    assert [(run["row"], run["seed"], run["done"]) for run in found["runs"]] == [("a", 0, 0), ("b", 0, 0)]
    assert (found["trainings"], found["trainings_left"]) == (2, 2)
    assert "2 runs; 2 of 2 trainings left" in said(file, "--dry-run")
    assert "1 runs; 1 of 1" in said(file, "--dry-run", "--only", "b")
    assert not (file.parent / "runs").exists()


def test_part_of_the_grid_is_run_and_written(file: Path) -> None:
    out = file.parent / "out"
    text = said(file, "--only", "b", "--out", out, "--json")
    found = json.loads(text.splitlines()[-1])
    assert list(found["rows"]) == ["b"]
    assert (found["complete"], found["unfinished"]) == (False, ["a-0"])
    assert (found.pop("done"), found.pop("failed")) == (["b-0"], {})
    assert found.pop("files") == [str(out / f"two.{end}") for end in ("json", "md", "tex", "csv", "svg")]
    assert found | {"queries": ANY} == json.loads((out / "two.json").read_text())
    assert "b, round 0" in text
    assert "# Two [rows]" in (out / "two.md").read_text()
    assert "1 of 2 trainings left" in said(file, "--dry-run")
    elsewhere = said(file, "--dry-run", "--runs", file.parent / "elsewhere")
    assert "2 of 2 trainings left" in elsewhere


def test_the_same_file_on_other_data(file: Path) -> None:
    other = ["--set", "base.data.seed=7", "--set", "base.eval_data.seed=7"]
    with pytest.raises(SeglensError, match=r"--out: needed where --set changes the data"):
        said(file, *other)
    assert not (file.parent / "runs").exists()
    assert "2 of 2 trainings left" in said(file, *other, "--dry-run")
    out = file.parent / "out"
    text = said(file, *other, "--only", "b", "--out", out, "--runs", file.parent / "other", "--json")
    assert json.loads(text.splitlines()[-1])["command"] == (
        "seglens bench two.yaml --set=base.data.seed=7 --set=base.eval_data.seed=7"
    )
    assert "--set=base.data.seed=7" in (out / "two.md").read_text()
    with pytest.raises(SeglensError, match="a run of another config"):
        said(file, "--only", "b", "--out", out, "--runs", file.parent / "other")


def test_failed_runs_are_told_at_the_end(file: Path) -> None:
    out = file.parent / "out"
    words = ["bench", str(file), "--out", str(out), "--json", "--set", "base.budget.initial=0", "--jobs", "1"]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, FailedRuns)
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["done"], found["files"], found["unfinished"]) == ([], [], ["a-0", "b-0"])
    assert all("budget.initial" in error for error in found["failed"].values())
    assert "a-0: failed: budget.initial" in result.stderr


def test_two_rows_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(ten_seeds()))
    text = said("compare", f"{path}:one [new]", f"{path}:other", "--json")
    (row,) = json.loads(text.splitlines()[-1])["rows"]
    assert (row["a"], row["b"]) == ("one [new]", "other")
    assert row["clicks"]["found"]["verdict"] == "better"
    assert "one [new]" in text
    assert "rider & co" in text
    with pytest.raises(SeglensError, match=r"x\.json: no row 'oth'. Allowed: one \[new\], other"):
        said("compare", f"{path}:oth", path)
    with pytest.raises(SeglensError, match="no such results"):
        said("compare", tmp_path / "y.json", path)


def test_what_is_wrong_is_one_error(file: Path) -> None:
    with pytest.raises(SeglensError, match=r"two\.yaml: no row 'c'"):
        said(file, "--only", "c")
    with pytest.raises(SeglensError, match=r"none\.yaml: no such file"):
        said(file.parent / "none.yaml")
    file.write_text(file.read_text() + "seads: [1]\n")
    with pytest.raises(SeglensError, match="unknown key 'seads'; did you mean 'seeds'"):
        said(file, "--dry-run")
