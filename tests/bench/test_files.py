"""Every benchmark file of the repository: it loads. The published protocols have a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from seglens.bench import load_bench, outlook
from seglens.bench.plan import FULL
from seglens.types import AnswerKind, Unit

FILES = sorted((Path(__file__).resolve().parents[2] / "benchmarks").glob("*.yaml"))
FOLDER = FILES[0].parent
DRAWN = (AnswerKind.DENSE, AnswerKind.MASK)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_loads_and_shows_its_grid(file: Path, tmp_path: Path) -> None:
    bench = load_bench(file, tmp_path)
    grid = outlook(bench)
    assert grid["trainings_left"] == grid["trainings"] > 0
    assert len({run.folder for run in bench.runs}) == len(bench.runs)


def test_the_field_shares_two_budgets() -> None:
    for run in load_bench(FOLDER / "field.yaml").runs:
        config = run.config
        if run.row == FULL:
            continue
        budget = (config.budget.unit, config.budget.initial, config.budget.per_round, config.rounds)
        drawn = (Unit.POOL_SHARE, 0.01, 0.008, 6)
        assert budget == (drawn if config.answer in DRAWN else (Unit.CLICKS, 734, 734, 6))


@pytest.mark.parametrize("name", ["segxal", "cpral"])
def test_what_segxal_compares_with_differs_in_its_choices_alone(name: str) -> None:
    configs = {run.row: run.config for run in load_bench(FOLDER / f"{name}.yaml").runs if run.seed == 0}
    other = configs["random"]
    for row in ("core-set", "DEAL DS", "DEAL DE", "QBC"):
        config = configs[row]
        assert (config.train, config.model, config.budget) == (other.train, other.model, other.budget)
        assert (config.rounds, config.cut, config.answer) == (other.rounds, other.cut, other.answer)


def test_a_shared_round_0_is_drawn_from_the_whole_pool() -> None:
    for name in ("field", "cpral"):
        rows = {run.row: run.config for run in load_bench(FOLDER / f"{name}.yaml").runs}
        halved = {row for row, config in rows.items() if any(part.name == "random-subset" for part in config.narrow)}
        assert halved <= {"random_R"}
