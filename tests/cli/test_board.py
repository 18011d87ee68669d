"""What a benchmark shows while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from seglens.bench.eta import ends, seconds_left
from seglens.bench.grid import Reached
from seglens.bench.plan import PlannedRun
from seglens.cli import board, console
from seglens.cli.board import Board
from seglens.config import RunConfig
from seglens.types import SeglensError


@pytest.fixture
def runs(tmp_path: Path) -> list[PlannedRun]:
    """Two rows of two seeds and four rounds, none begun."""
    return [PlannedRun(row, seed, tmp_path / f"{row}-{seed}", RunConfig(seed=seed)) for row in "ab" for seed in (0, 1)]


def shown(found: Board) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(found.table())
    return capture.get()


def test_a_line_a_row(runs: list[PlannedRun], monkeypatch: pytest.MonkeyPatch) -> None:
    found = Board(runs, 2)
    assert "0 of 4 runs done" in shown(found)
    far = {"a-0": Reached(4, 0.5, 40), "a-1": Reached(2, 0.3, 20)}
    monkeypatch.setattr(board, "reached", lambda run: far.get(run.folder.name, Reached()))
    with found.of("a-0"):
        pass
    with found.of("a-1") as report:
        report("round 2: train", 3, 6)
        lines = shown(found).splitlines()
        (a,), (b,) = ([line for line in lines if line.startswith(f"│ {row} ")] for row in "ab")
        assert [cell.strip() for cell in a.split("│")[1:-1]] == [
            *("a", "1/2", "6/8", "40.0", "0:00:20", "seed 1: round 2: train 3/6")
        ]
        assert [cell.strip() for cell in b.split("│")[1:-1]] == ["b", "0/2", "0/8", "", "0:01:00", ""]
        assert "1 of 4 runs done, about 0:01:00 left" in shown(found)
    with pytest.raises(SeglensError), found.of("b-0"):
        raise SeglensError("no [such] thing")
    assert "0/2 (1 failed)" in shown(found)
    with pytest.raises(KeyboardInterrupt), found.of("b-1"):
        raise KeyboardInterrupt
    assert (found.done, found.failed, found.now) == ({"a-0", "a-1"}, {"b-0"}, {})


def test_a_line_a_round_without_a_terminal(
    runs: list[PlannedRun], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(board, "reached", lambda run: Reached(1, 0.25, 3.0))
    with Board(runs, 1) as found, found.of("a-1") as report:
        for stage in ("round 1: score", "round 1: train", "round 2: score"):
            report(stage, 0, 0)
            report(stage, 1, 2)
    assert capsys.readouterr().err.splitlines() == [
        "a-1: begun",
        "a-1: round 1, mIoU so far 25.0",
        "a-1: round 2, mIoU so far 25.0",
        "a-1: done, mIoU 25.0; 1 of 4 runs done, about 0:00:27 left",
    ]


def test_a_live_table_on_a_terminal(runs: list[PlannedRun], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(force_terminal=True, width=120, record=True, stderr=True)
    monkeypatch.setattr(console, "err", terminal)
    with Board(runs, 1) as found, found.of("a-1") as report:
        report("round 1: score", 0, 0)
    assert "1 of 4 runs done" in terminal.export_text()


def test_what_is_left() -> None:
    done, begun, new = Reached(4, 0.5, 40.0), Reached(1, 0.2, 2.0), Reached()
    assert seconds_left([done, begun, new], [4, 4, 4], ["a", "b", "c"]) == [0.0, 6.0, pytest.approx(4 * 42 / 5)]
    assert seconds_left([new], [4], ["a"]) is None
    assert ends([0.0, 5.0, 1.0, 1.0], 1) == [0.0, 5.0, 6.0, 7.0]
    assert max(ends([1.0] * 7, 3)) == 3.0
