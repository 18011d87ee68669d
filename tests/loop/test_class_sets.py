"""A run that asks for class sets and learns without labels too, killed while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import contents, die_at_commit, die_at_report, finish, resume, start, tiny

from seglens.data.streets import Streets
from seglens.functional.run_lengths import indices
from seglens.store import LabelFiles, Repository
from seglens.types import IGNORE, AnswerStatus

SETS: dict[str, Any] = {
    "eval_data": None,
    "rounds": 2,
    "answer": "class-set",
    "pick": "top",
    "settle": "trimmed",
    "companions": [
        "prototypical",
        {"name": "mean-teacher", "images": 2, "threshold": 0.1, "mix": True},
        {"name": "confident", "images": 2, "entropy": 4},
        "consistency",
    ],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run driven to its end."""
    folder = tmp_path_factory.mktemp("sets")
    assert finish(start, folder / "run", tiny(folder, **SETS)) == 0
    return folder / "run"


def test_a_set_names_what_is_there_costs_a_click_a_class_and_becomes_a_set(run: Path) -> None:
    repo = Repository.of_run(run)
    answered, spent = repo.answered(), repo.spent()
    repo.close()
    data = tiny(run.parent, **SETS).data.params()
    truth = Streets.labels(Streets.Params(**data))
    assert truth is not None
    several = [pair for pair in answered if len(pair.answer.classes) > 1]
    assert several
    for query, answer in ((pair.query, pair.answer) for pair in answered):
        if answer.status is AnswerStatus.ANSWERED:
            there = set(truth.label(query.image).ravel()[indices(query.region.runs)].tolist())
            assert set(answer.classes) <= there
            assert answer.cost.clicks == len(answer.classes)
    assert spent.clicks == sum(pair.answer.cost.clicks for pair in answered)
    settled = LabelFiles(run).read(several[0].query.image)
    assert settled.regions is not None
    inside = settled.regions.ravel()[indices(several[0].query.region.runs)]
    assert 0 < (inside >= 0).sum() < len(inside)  # its border is left out
    assert {settled.sets[s] for s in set(inside[inside >= 0].tolist())} == {several[0].answer.classes}
    assert (settled.label[settled.regions >= 0] == IGNORE).all()


def test_killed_in_a_training_it_resumes_to_the_same(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    assert finish(die_at_report, again, tiny(tmp_path, **SETS), "training", 3) == -9
    assert finish(die_at_commit, again, 1, "settle") == -9
    assert finish(die_at_report, again, None, "training", 5) == -9  # of round 1, with a last round's model
    assert (again / "rounds" / "001" / "training.pt").exists()
    assert finish(resume, again) == 0
    assert contents(again) == contents(run)
    assert (again / "rounds/001/model.pt").read_bytes() == (run / "rounds/001/model.pt").read_bytes()
