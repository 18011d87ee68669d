"""A row that trains on another row's labels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small import SMALL, bench_it, small, write
from typer.testing import CliRunner

from seglens.bench import load_bench, outlook
from seglens.cli import app
from seglens.types import SeglensError

WIDER: dict[str, Any] = {"name": "wider", "preset": "default", "seeds": [0], "labels_of": "default"}
WIDE = {"model": SMALL["base"]["model"] | {"width": 64}}
ROWS = [{"name": "default", "preset": "default"}, WIDER | {"set": WIDE}]
FEW: dict[str, Any] = {
    "full": None,
    "rows": ROWS,
    "reference": "default",
    "curves": None,
    "axes": ["clicks"],
    "seeds": [0],
    "tables": [{"kind": "rounds"}],
}


def test_it_costs_what_the_other_cost_and_has_one_point(tmp_path: Path) -> None:
    bench_it(write(tmp_path, **FEW), tmp_path / "out")
    assert [run["rounds"] for run in outlook(small(tmp_path, **FEW))["runs"]][-1] == 1
    rows = json.loads((tmp_path / "out" / "small.json").read_text())["rows"]
    mine, other = rows["wider"][0]["rounds"], rows["default"][0]["rounds"]
    assert [r["clicks"] for r in mine] == [r["clicks"] for r in other]
    assert [r["miou"] is None for r in mine] == [True, False]
    assert "training" not in rows["wider"][0]["rounds"][0]["seconds"]
    assert rows["wider"][0]["config"] != rows["default"][0]["config"]


def test_a_kept_run_is_made_again_where_its_labels_are_needed(tmp_path: Path) -> None:
    asking = write(tmp_path, **FEW | {"rows": ROWS[:1]})
    bench_it(asking, tmp_path / "out")
    kept = tmp_path / "kept.json"
    (tmp_path / "out" / "small.json").rename(kept)
    shutil.rmtree(tmp_path / "runs")
    whole = load_bench(write(tmp_path, **FEW), None, (), [kept])
    assert [run["done"] for run in outlook(whole, ["default"])["runs"]] == [SMALL["base"]["rounds"]]
    assert {run["row"]: run["done"] for run in outlook(whole, ["wider"])["runs"]} == {"default": 0, "wider": 0}
    shown = CliRunner().invoke(
        app,
        ["bench", "run", str(whole.path), "--keep", str(kept), "--only", "wider", "--out", str(tmp_path / "out")],
        catch_exceptions=False,
    )
    assert shown.exit_code == 0, shown.output
    rows = json.loads((tmp_path / "out" / "small.json").read_text())["rows"]
    assert [run["miou"] for run in rows["default"][0]["rounds"]] == [
        run["miou"] for run in json.loads(kept.read_text())["rows"]["default"][0]["rounds"]
    ]
    assert rows["wider"][0]["rounds"][-1]["miou"] is not None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (WIDER | {"labels_of": "x"}, "row 'wider': labels_of: no row 'x' before it that asks. Allowed: default"),
        (WIDER | {"seeds": [3]}, r"row 'wider': labels_of: row 'default' has no seed 3; it has \[0\]"),
        (WIDER | {"set": {"cut": {"segments": 30}}}, "row 'wider': key 'cut': another than that of row 'default'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    with pytest.raises(SeglensError, match=words):
        small(tmp_path, **(FEW | {"rows": [ROWS[0], row]}))
