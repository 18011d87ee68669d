"""``seglens audit``, ``status`` and ``doctor`` of a run with an audit set, as a user types them; and its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import start, tiny
from typer.testing import CliRunner

from seglens.cli import app
from seglens.report import write_report
from seglens.store import Repository
from seglens.types import Purpose, SeglensError


def said(*words: str | Path) -> str:
    result = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*words, "--json").splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    ask = {"name": "noisy", "fraction": 0.3, "kind": "asymmetric"}
    start(folder / "run", tiny(folder, rounds=2, eval_data=None, audit_set={"images": 2}, ask=ask))
    return folder / "run"


def test_status_tells_the_audit_set_and_its_cost_apart(run: Path) -> None:
    found = told("status", run)
    held = found["audit_set"]
    assert (held["images"], held["answered"], held["waiting"], found["waiting"]) == (2, 2, 0, 0)
    assert held["clicks"] > 20
    assert [row["clicks"] for row in found["rounds"]] == [12, 24]
    assert [row["miou"] for row in found["rounds"]] == [None, None]
    for row in found["rounds"]:
        assert row["audit"]["low"] < row["audit"]["miou"] < row["audit"]["high"]
        assert row["audit"]["images"] == 2
    text = said("status", run)
    assert "audit set: 2 of 2 images labelled" in text
    assert f"{found['rounds'][0]['audit']['low']:.3f}" in text


def test_a_forecast_goes_by_the_audit_set_where_nothing_else_measures(run: Path) -> None:
    measured = [point["miou"] for point in told("forecast", run)["measured"]]
    assert measured == [row["audit"]["miou"] for row in told("status", run)["rounds"]]


def test_audit_lists_draws_and_writes_what_is_doubted(run: Path, tmp_path: Path) -> None:
    found = told(
        "audit", run, "--folds", "2", "--most", "5", "--pictures", tmp_path / "p", "--out", tmp_path / "a.jsonl"
    )
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert found["doubted"] == rows[:5]
    assert (found["folds"], found["answers"]) == (2, len(rows))
    assert [row["suspicion"] for row in rows] == sorted((row["suspicion"] for row in rows), reverse=True)
    repo = Repository.of_run(run)
    label, audit = ({q.id for q in repo.queries(purpose=purpose)} for purpose in (Purpose.LABEL, Purpose.AUDIT))
    repo.close()
    assert {row["query"] for row in rows} <= label
    assert audit.isdisjoint(row["query"] for row in rows)
    files = sorted((tmp_path / "p").iterdir())
    assert [file.name for file in files] == [f"{row['rank']:04d}-{row['query']}.png" for row in rows[:5]]
    with Image.open(files[0]) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    outlined = (pixels == (255, 0, 255)).all(2)
    third = pixels.shape[1] // 3
    assert all(outlined[:, i * third : (i + 1) * third].any() for i in range(3))
    text = said("audit", run, "--folds", "0", "--most", "3")
    assert "the 3 most suspicious of" in text
    assert "similar answers alone" in text


def test_the_report_shows_both(run: Path, tmp_path: Path) -> None:
    said("audit", run, "--folds", "0", "--most", "4")
    page = write_report([run], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The audit set, and answers to look at again" in page
    assert "2 images were drawn by chance" in page
    assert "mIoU on the audit set" in page
    first = json.loads((run / "audit.json").read_text())["doubted"][0]
    assert f"{first['suspicion']:.2f}" in page
    assert first["image"] in page


def test_doctor_foresees_a_run_and_a_config(run: Path, tmp_path: Path) -> None:
    found = told("doctor", run)["run"]
    assert len(found["rounds"]) == 2
    assert found["seconds"] > 0
    assert found["images"] == {"pool": 4, "audit_set": 2, "evaluation": 0}
    assert found["prepare"]["features"] == 0  # cached by the run itself
    text = said("doctor", "--config", run / "config.yaml", "--set", "rounds=3")
    assert "the whole run of 3 rounds" in text
    assert "MiB" in text
    assert "run" not in told("doctor")
    with pytest.raises(SeglensError, match="a run has a config of its own"):
        said("doctor", run, "--set", "rounds=3")
    with pytest.raises(SeglensError, match="not a run"):
        said("doctor", tmp_path)
