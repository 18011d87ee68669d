"""What a round gives its pick: traits where it declares them, what was asked about, a start of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from seglens.acquisition.pick import KCenter
from seglens.files import read_arrays
from seglens.loop import State, create, drive
from seglens.store import Repository
from seglens.types import RoundState, SeglensError

GRID: dict[str, Any] = {"cut": {"name": "grid", "rows": 4, "columns": 4}, "settle": "as-answered", "eval_data": None}


def driven(folder: Path, **changes: Any) -> Path:
    create(folder / "run", tiny(folder, **{**GRID, "rounds": 2, **changes}))
    assert drive(folder / "run").state is State.FINISHED
    return folder / "run"


def arrays(run: Path, round: int) -> set[str]:
    paths = sorted((run / "rounds" / f"{round:03d}" / "rows").iterdir())
    names = [{name for name in read_arrays(path) if name.startswith("array.")} for path in paths]
    assert all(each == names[0] for each in names)
    return {name.removeprefix("array.") for name in names[0]}


def test_rows_have_what_the_rounds_pick_declares_and_no_more(tmp_path: Path) -> None:
    plain = {"value", "by_class", "share"}
    run = driven(tmp_path / "plain", pick="top")
    assert [arrays(run, round) for round in (0, 1)] == [{"value"}, plain]
    run = driven(tmp_path / "badge", pick="badge")
    assert [arrays(run, round) for round in (0, 1)] == [{"value"}, plain | {"features", "gradient"}]
    run = driven(tmp_path / "spread", pick="top", start="k-center")
    assert [arrays(run, round) for round in (0, 1)] == [{"value", "features"}, plain]


def test_a_pick_sees_the_rows_that_were_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RoundState] = []
    choose = KCenter.choose

    def spy(self: KCenter, rows: Any, score: Any, budget: Any, state: RoundState, chance: Any) -> list[int]:
        seen.append(state)
        return choose(self, rows, score, budget, state, chance)

    monkeypatch.setattr(KCenter, "choose", spy)
    run = driven(tmp_path, pick="k-center", rounds=3)
    repo = Repository.of_run(run)
    for state in seen:
        assert state.known is not None
        before = {(q.image, q.region.index) for q in repo.queries() if q.round < state.round}
        assert set(zip(state.known.images, state.known.regions.tolist(), strict=True)) == before
        assert state.known.arrays["features"].shape[0] == len(before) > 0
        assert np.isfinite(state.known.arrays["features"]).all()
    assert [state.round for state in seen] == [1, 2]
    repo.close()


def test_a_run_may_start_with_features_in_both_rhythms(tmp_path: Path) -> None:
    """The encoder is the same in both, fixed in one: so are the questions of round 0."""
    asked = []
    for rhythm in ("interactive", "finetune"):
        train = {"rhythm": rhythm, "steps": 1, "batch": 2}
        changes = {"cut": "image", "answer": "dense", "budget": {"unit": "images", "initial": 3, "per_round": 1}}
        run = driven(tmp_path / rhythm, start="typical", pick="top", train=train, rounds=1, **changes)
        repo = Repository.of_run(run)
        asked.append([query.image for query in repo.queries()])
        repo.close()
    assert len(asked[0]) == 3
    assert asked[0] == asked[1]


def test_a_start_that_reads_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="start: 'badge' reads 'gradient' of a model's prediction, and round 0"):
        create(tmp_path / "run", tiny(tmp_path, start="badge"))
    assert not (tmp_path / "run").exists()
