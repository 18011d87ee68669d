"""Runs whose scores need more than one pass, and the one that sees the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_parts import holds_labels
from tiny import finish, start, tiny

from seglens.loop import create
from seglens.loop.check import check
from seglens.loop.scoring import ScoreChunks
from seglens.loop.workbench import Workbench
from seglens.models import load_member
from seglens.types import Chunk, SeglensError, Stage

COMPANIONS = ["snapshots", "heads"]
SHORT: dict[str, Any] = {"rounds": 1, "eval_data": None, "pick": "top", "companions": COMPANIONS}
TRAIN: dict[str, dict[str, Any]] = {
    "interactive": {"rhythm": "interactive", "steps": 8, "batch": 3},
    "finetune": {"rhythm": "finetune", "steps": 8, "batch": 3},
}


@pytest.fixture(scope="module", params=TRAIN)
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run with both committees after its first round, and its values."""
    folder = tmp_path_factory.mktemp("several")
    values = SHORT | {"train": TRAIN[request.param]}
    assert finish(start, folder / "run", tiny(folder, **values)) == 0
    return folder / "run", values


@pytest.mark.parametrize(
    "score",
    [
        {"name": "committee", "companion": "snapshots"},
        {"name": "committee", "companion": "heads", "disagreement": "vote-entropy"},
        {"name": "odin"},
        {"name": "flip-disagreement"},
        {"name": "bald", "passes": 3},
        {"name": "true-error"},
    ],
    ids=lambda score: score["name"],
)
def test_a_round_is_scored_by_it(first: tuple[Path, dict[str, Any]], score: dict[str, Any]) -> None:
    run, values = first
    bench = Workbench(tiny(run.parent, **values | {"score": score}), run)
    check(bench)
    work = ScoreChunks(bench, 1, {})
    rows = work()(bench.chunks(bench.pool)[1])
    alone = work()(Chunk(0, (str(rows.images[0]),)))
    value, again = rows.arrays["value"], alone.arrays["value"]
    assert rows.arrays["by_class"].shape == (len(rows), 19)
    assert 0 <= value.min() < value.max() < 1 + 1e-6  # a mean of ones in float32
    assert abs(value[: len(again)] - again).mean() < 0.01  # of bfloat16, where the processor has it


def test_both_committees_are_kept_with_the_round(first: tuple[Path, dict[str, Any]]) -> None:
    for name in COMPANIONS:
        assert load_member(first[0] / "rounds" / "000" / f"{name}.pt").count == 4


def test_what_no_companion_leaves_behind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="companions: 'score: committee' reads what 'heads' leaves behind"):
        create(tmp_path / "run", tiny(tmp_path, score={"name": "committee", "companion": "heads"}))
    create(tmp_path / "run", tiny(tmp_path, score={"name": "committee", "companion": "heads"}, companions=["heads"]))


# -- the truth -------------------------------------------------------------------------------------------------------


def test_the_truth_is_refused_outside_simulation(tmp_path: Path) -> None:
    values: dict[str, Any] = {"score": "true-error", "ask": "human", "pick": "top"}
    with pytest.raises(SeglensError, match="score: 'true-error' sees the truth, and ask 'human' is no simulation"):
        create(tmp_path / "run", tiny(tmp_path, **values))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("score", ["true-error", "entropy", "committee"])
def test_a_run_reveals_the_truth_to_a_privileged_score_alone(tmp_path: Path, score: str) -> None:
    narrow = [{"name": "top-by-score", "images": 3}]
    bench = Workbench(tiny(tmp_path, score=score, narrow=narrow, companions=["heads", "snapshots"]), tmp_path / "run")
    assert bench.labels is not None
    assert holds_labels(bench.score) == (score == "true-error")
    others = [*bench.narrows, bench.first_score, bench.cut, bench.settle, bench.oracle, bench.depth, *bench.companions]
    others += [bench.pick(first=True), bench.pick(first=False), bench.context]
    assert [part for part in others if holds_labels(part)] == []
    ev = bench.evidence(bench.pool[:2], 1, Stage.SCORE, bench.score.needs, None)
    assert not holds_labels(ev._data)
