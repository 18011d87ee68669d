"""The loop with every preset, both rhythms, its budget, its stops, and people who answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from seglens.acquisition.presets import load_preset, preset_names
from seglens.loop import State, create, drive
from seglens.oracles.human import read_answers
from seglens.store import LabelFiles, Repository
from seglens.types import Provenance, SeglensError


def rounds_of(run: Path) -> list[dict[str, float | None]]:
    repo = Repository.of_run(run)
    found = [{m.name: m.value for m in repo.metrics(r.number) if m.class_index == -1} for r in repo.rounds()]
    repo.close()
    return found


def settings(name: str) -> dict[str, Any]:
    """A preset at the tiny size."""
    choices = load_preset(name)
    if isinstance(choices.get("cut"), dict) and choices["cut"]["name"] == "superpixel":
        choices["cut"] = {"name": "superpixel", "segments": 24}
    budget = {"unit": "clicks", "initial": 12, "per_round": 12}
    if choices["answer"] == "dense":
        budget = {"unit": "image-equivalents", "initial": 2, "per_round": 1}
    return {**choices, "preset": name, "budget": budget, "rounds": 2}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_runs(tmp_path: Path, name: str) -> None:
    create(tmp_path / "run", tiny(tmp_path, **settings(name)))
    assert drive(tmp_path / "run").state is State.FINISHED
    first, last = rounds_of(tmp_path / "run")
    assert first["clicks"] is not None
    assert last["clicks"] is not None
    assert 0 < first["clicks"] < last["clicks"]
    assert last["miou"] is not None
    assert 0 <= last["miou"] <= 1
    repo = Repository.of_run(tmp_path / "run")
    regions = [(q.image, q.region.runs.tobytes()) for q in repo.queries()]
    repo.close()
    assert len(set(regions)) == len(regions)  # nothing is asked twice


def test_the_finetune_rhythm_runs_without_a_cache(tmp_path: Path) -> None:
    train = {"rhythm": "finetune", "steps": 3, "batch": 2, "checkpoint_steps": 2}
    create(tmp_path / "run", tiny(tmp_path, rounds=2, train=train, model={"name": "unet", "size": [64, 96]}))
    assert drive(tmp_path / "run").state is State.FINISHED
    assert not (tmp_path / "cache" / "features").exists()
    assert len(rounds_of(tmp_path / "run")) == 2


def test_a_narrowed_round_asks_only_the_narrowed_images(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, rounds=2, narrow=[{"name": "random-subset", "images": 2}]))
    drive(tmp_path / "run")
    repo = Repository.of_run(tmp_path / "run")
    for number in (0, 1):
        looked_at = json.loads((tmp_path / "run" / "rounds" / f"{number:03d}" / "narrow.json").read_text())
        assert len(looked_at) == 2
        assert {query.image for query in repo.queries(number)} <= set(looked_at)
    repo.close()


def test_labels_hold_what_was_answered(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, settle="as-answered"))
    drive(tmp_path / "run")
    repo, files = Repository.of_run(tmp_path / "run"), LabelFiles(tmp_path / "run")
    painted = 0
    for pair in repo.answered():
        settled = files.read(pair.query.image) if pair.answer.classes else None
        if settled is None:
            continue
        flat = settled.label.ravel()
        for start, length in pair.query.region.runs:
            assert (flat[start : start + length] == pair.answer.classes[0]).all()
            painted += int(length)
    share = sum(int((files.read(id).provenance == Provenance.SIMULATED).sum()) for id in files.ids())
    assert painted == share
    assert 0.9 * painted < repo.spent().pixels <= painted  # void pixels of a region are not counted as answered
    repo.close()


def test_what_a_round_leaves_carries_over_and_a_total_stops(tmp_path: Path) -> None:
    budget = {"unit": "clicks", "initial": 2.5, "per_round": 2.5, "total": 4.9}
    create(tmp_path / "run", tiny(tmp_path, budget=budget, rounds=5))
    outcome = drive(tmp_path / "run")
    assert [row["clicks"] for row in rounds_of(tmp_path / "run")][:2] == [2, 4]
    assert "rounds are done" in outcome.why or "budget" in outcome.why


def test_a_target_and_a_stop_file_end_a_run(tmp_path: Path) -> None:
    budget = {"initial": 12, "per_round": 12, "target_miou": 0.001}
    create(tmp_path / "run", tiny(tmp_path, budget=budget))
    assert "reaches the target" in drive(tmp_path / "run").why
    create(tmp_path / "other", tiny(tmp_path))
    (tmp_path / "other" / "stop").touch()
    assert "stop" in drive(tmp_path / "other").why
    (tmp_path / "other" / "stop").unlink()
    assert "rounds are done" in drive(tmp_path / "other").why


def test_a_budget_below_one_question_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, budget={"unit": "clicks", "initial": 0.5}))
    with pytest.raises(SeglensError, match=r"budget\.initial: 0\.5 clicks is less than one question"):
        drive(tmp_path / "run")


def test_an_exhausted_pool_ends_the_run(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, budget={"unit": "clicks", "initial": 10000, "per_round": 10}))
    outcome = drive(tmp_path / "run")
    assert outcome.why == "every region of the pool was asked about"
    assert drive(tmp_path / "run").why == outcome.why  # driving a finished run again changes nothing


def test_people_answer_and_the_run_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=2, ask={"name": "human", "enough": 0.5}))
    outcome = drive(run)
    assert outcome.state is State.AWAITING
    repo = Repository.of_run(run)
    queries = {query.id: query for query in repo.queries()}
    lines = []
    for number, id in enumerate(queries):
        if number % 4 == 3:
            lines.append({"query": id, "status": "unsure", "annotator": "anna"})
        else:
            lines.append({"query": id, "classes": ["road"], "seconds": 1.5, "annotator": "anna"})
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    from seglens.data.classes import CITYSCAPES

    answers = read_answers(tmp_path / "answers.jsonl", queries, CITYSCAPES)
    assert repo.add_answers(answers) == len(queries)
    assert repo.add_answers(answers) == 0
    repo.close()
    assert drive(run).state is State.AWAITING  # round 1 asks again
    files = LabelFiles(run)
    values = np.unique(np.concatenate([files.read(id).provenance.ravel() for id in files.ids()]))
    assert set(values.tolist()) <= {0, int(Provenance.PERSON)}
    repo = Repository.of_run(run)
    assert [r.number for r in repo.rounds()] == [0, 1]
    first = {(q.image, q.region.index) for q in repo.queries(0)}
    assert first.isdisjoint({(q.image, q.region.index) for q in repo.queries(1)})  # unsure is not asked again
    repo.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object"),
        ('{"query": "nope"}', "unknown query 'nope'"),
        ('{"query": "Q", "classes": ["roda"]}', "unknown class 'roda'"),
        ('{"query": "Q", "classes": []}', "names one class, found 0"),
        ('{"query": "Q", "clases": []}', "unknown key 'clases'; did you mean 'classes'"),
    ],
)
def test_a_bad_answers_file_stores_nothing(tmp_path: Path, line: str, words: str) -> None:
    from seglens.data.classes import CITYSCAPES
    from seglens.types import AnswerKind, Cost, Query, Region

    region = Region("a", (2, 2), np.array([[0, 2]], np.int32), "grid", 0)
    query = Query("Q", 0, region, AnswerKind.DOMINANT_CLASS, 0.1, Cost(1))
    (tmp_path / "answers.jsonl").write_text(line)
    with pytest.raises(SeglensError, match=rf"answers\.jsonl:1.*{words}"):
        read_answers(tmp_path / "answers.jsonl", {"Q": query}, CITYSCAPES)
