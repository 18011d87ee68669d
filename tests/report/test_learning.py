"""What a score learnt and a gate judged, as the files of the rounds hold it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seglens.report import RunView
from seglens.report.learning import gate_table, weights_table


@pytest.fixture(scope="module")
def view(explained: Path) -> RunView:
    return RunView.load(explained)


def test_weights_by_round(view: RunView, explained: Path) -> None:
    table = weights_table(view)
    assert table is not None
    files = sorted((explained / "rounds").glob("*/score.json"))
    assert [row[0] for row in table.rows] == [str(int(path.parent.name)) for path in files]
    for row, path in zip(table.rows, files, strict=True):
        assert len(row) == len(table.columns)
        told = json.loads(path.read_text())
        assert row[1:3] == (f"{told['weights']['pae']:.2f}", f"{told['weights']['ebu']:.2f}")
        assert ("equal weights" in row[-1]) == (not told["fitted"])


def test_gate_by_round(view: RunView, explained: Path) -> None:
    table = gate_table(view)
    assert table is not None
    assert table.rows
    for row in table.rows:
        judged = json.loads((explained / "rounds" / f"{int(row[0]):03d}" / "gate.json").read_text())
        dice = [image["dice"] for image in judged]
        held = [image["image"] for image in judged if image["held"]]
        assert row[1:4] == (str(len(judged)), str(len(judged) - len(held)), str(len(held)))
        assert row[4:] == tuple(f"{v:.3f}" for v in (min(dice), np.median(dice), max(dice)))


def test_a_run_that_learns_nothing_has_no_table(run: Path) -> None:
    assert weights_table(RunView.load(run)) is None
    assert gate_table(RunView.load(run)) is None
