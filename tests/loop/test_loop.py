"""The loop with every preset, both rhythms, its budget, its stops, and people who answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import tiny

from seglens.acquisition.presets import load_preset, preset_names
from seglens.config import assign, resolve
from seglens.loop import State, create, drive
from seglens.oracles.human import read_answers
from seglens.report.story import notes
from seglens.report.view import RunView
from seglens.store import LabelFiles, Repository
from seglens.types import Answer, AnswerStatus, ClassTable, Cost, Provenance, SeglensError


def rounds_of(run: Path) -> list[dict[str, float | None]]:
    repo = Repository.of_run(run)
    found = [{m.name: m.value for m in repo.metrics(r.number) if m.class_index == -1} for r in repo.rounds()]
    repo.close()
    return found


def settings(name: str) -> dict[str, Any]:
    """A preset at the tiny size."""
    choices = load_preset(name)
    if isinstance(choices.get("cut"), dict) and choices["cut"]["name"] in ("superpixel", "object"):
        choices["cut"] = {**choices["cut"], "segments": 24}
    choices["narrow"] = [{**part, "images": 2} if "images" in part else part for part in choices.get("narrow", ())]
    budget = {"unit": "clicks", "initial": 12, "per_round": 12}
    if choices["answer"] in ("dense", "mask"):
        budget = {"unit": "image-equivalents", "initial": 2, "per_round": 1}
    if "ask" in choices and "machine" in str(choices["ask"]):
        choices["ask"] = {**choices["ask"], "confidence": 0.1}  # a model of six steps is never sure
    return {**choices, "preset": name, "budget": budget, "rounds": 2}


WITHOUT_HUB = [name for name in preset_names() if "pretrained" not in str(load_preset(name).get("depth"))]


@pytest.mark.parametrize("name", WITHOUT_HUB)
def test_every_preset_runs(tmp_path: Path, name: str) -> None:
    create(tmp_path / "run", tiny(tmp_path, **settings(name)))
    assert drive(tmp_path / "run").state is State.FINISHED
    first, last = rounds_of(tmp_path / "run")
    assert first["clicks"] is not None
    assert first["clicks"] > 0
    assert first["pixels"] is not None
    assert last["pixels"] is not None
    assert 0 < first["pixels"] < last["pixels"]  # the machine's answers cost no clicks
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


@pytest.mark.parametrize(("clicks", "overlap"), [(40.0, 0.0), (0.0, 0.5)])
def test_a_round_of_people_is_a_full_one_whatever_it_cost(tmp_path: Path, clicks: float, overlap: float) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=3, ask={"name": "human", "overlap": overlap}))
    repo = Repository.of_run(run)
    for round in range(2):
        assert drive(run).state is State.AWAITING
        asked = repo.queries(round)
        assert len(asked) == 12
        for person in ("ana", "ben")[: 1 + bool(overlap)]:
            cost = Cost(clicks, 10.0, 5.0)
            said = [Answer(q.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, (0,), annotator=person) for q in asked]
            assert repo.add_answers(said) == 12
    assert drive(run).state is State.AWAITING
    assert [len(repo.queries(round)) for round in range(3)] == [12, 12, 12]
    paid = 12 * clicks * (1 + bool(overlap))
    assert [metric.value for metric in repo.metrics(name="clicks")] == [paid, 2 * paid]  # the curve: as measured
    repo.close()


def test_a_total_counts_what_people_really_paid(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=3, ask="human", budget={"initial": 12, "per_round": 12, "total": 125}))
    repo = Repository.of_run(run)
    drive(run)
    cost = Cost(10.0, 10.0, 5.0)
    repo.add_answers(
        [Answer(q.id, AnswerStatus.ANSWERED, cost, Provenance.PERSON, (0,), annotator="ana") for q in repo.queries()]
    )
    drive(run)
    assert len(repo.queries(1)) == 5  # of 125 clicks 120 are gone
    repo.close()


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


def test_a_folder_without_any_mask_starts_and_learns_from_people(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        path = tmp_path / "images" / "deep dir" / f"{number} ü.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (64, 96) if number else (96, 64)  # a portrait among landscapes
        Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(path)
    (tmp_path / "classes.yaml").write_text("names: [road, car]\n")
    data = {"name": "folder", "images": str(tmp_path / "images"), "classes": str(tmp_path / "classes.yaml")}
    cut = {"name": "grid", "rows": 3, "columns": 3}
    changes = {"data": data, "eval_data": None, "ask": "human", "rounds": 2, "cut": cut}
    create(tmp_path / "run", tiny(tmp_path, **changes))
    for number in range(2):
        assert drive(tmp_path / "run").state is State.AWAITING
        repo = Repository.of_run(tmp_path / "run")
        lines = [{"query": q.id, "classes": ["car" if i % 2 else "road"]} for i, q in enumerate(repo.open_queries())]
        assert lines
        (tmp_path / "answers").write_text("\n".join(map(json.dumps, lines)))
        queries = {query.id: query for query in repo.queries(number)}
        repo.add_answers(read_answers(tmp_path / "answers", queries, ClassTable(("road", "car"), ((0,) * 3,) * 2)))
        repo.close()
    assert drive(tmp_path / "run").state is State.FINISHED
    assert "miou" not in rounds_of(tmp_path / "run")[1]


def test_a_round_without_a_usable_answer_goes_on_to_the_next(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=2, ask="human"))
    assert drive(run).state is State.AWAITING
    repo = Repository.of_run(run)
    first = [query.region for query in repo.queries()]
    repo.add_answers([Answer(q.id, AnswerStatus.UNSURE, Cost(1), Provenance.PERSON) for q in repo.open_queries()])
    assert drive(run).state is State.AWAITING
    again = [query.region for query in repo.queries(1)]
    repo.add_answers(
        [Answer(q.id, AnswerStatus.ANSWERED, Cost(1, 9), Provenance.PERSON, (2,)) for q in repo.open_queries()]
    )
    repo.close()
    assert {(r.image, r.index) for r in first}.isdisjoint({(r.image, r.index) for r in again})
    assert drive(run).state is State.FINISHED
    assert rounds_of(run)[1]["miou"] is not None


def test_an_image_budget_counts_images(tmp_path: Path) -> None:
    budget = {"unit": "images", "initial": 2, "per_round": 1}
    create(tmp_path / "run", tiny(tmp_path, cut="image", answer="dense", budget=budget, settle="as-answered"))
    drive(tmp_path / "run")
    assert [row["images_asked"] for row in rounds_of(tmp_path / "run")] == [2, 3, 4]
    with pytest.raises(SeglensError, match="images needs cut: image, found cut: superpixel"):
        tiny(tmp_path, budget=budget)


def test_open_questions_are_reserved_in_the_budget(tmp_path: Path) -> None:
    run = tmp_path / "run"
    budget = {"unit": "clicks", "initial": 12, "per_round": 12, "total": 20}
    create(run, tiny(tmp_path, rounds=3, ask={"name": "human", "enough": 0.5}, budget=budget))
    drive(run)
    repo = Repository.of_run(run)
    for expected in (12, 8):
        waiting = repo.open_queries()
        new = [q for q in waiting if q.round == repo.rounds()[-1].number]
        assert len(new) == expected
        half = new[: expected // 2]
        repo.add_answers([Answer(q.id, AnswerStatus.ANSWERED, Cost(1, 9), Provenance.PERSON, (0,)) for q in half])
        drive(run)
    assert len(repo.queries()) == 20
    repo.close()


@pytest.mark.parametrize("names", ["[road]", "[road, car, sky]"])
def test_class_lists_that_cannot_work_make_no_run(tmp_path: Path, names: str) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "classes.yaml").write_text(f"names: {names}\n")
    data = {"name": "folder", "images": str(tmp_path / "images"), "classes": str(tmp_path / "classes.yaml")}
    with pytest.raises(SeglensError, match=r"two classes or more, found 1|eval_data: its classes"):
        create(tmp_path / "run", tiny(tmp_path, data=data, ask="human"))
    assert not (tmp_path / "run").exists()


def test_a_report_of_an_undisturbed_run_has_nothing_to_warn_of(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path))
    drive(tmp_path / "run")
    assert notes(RunView.load(tmp_path / "run")) == []


def test_a_part_without_a_name_changes_the_presets() -> None:
    values = assign({"data": {"images": 20}}, ["cut.segments=512", "ask.seconds.click=3"])
    config = resolve(values, load_preset("default"), "--set")
    assert (config.cut.name, config.cut.params()) == ("superpixel", {"segments": 512})
    assert (config.ask.name, config.ask.params()) == ("simulated", {"seconds": {"click": 3}})
    assert (config.data.name, config.data.params()) == ("streets", {"images": 20})
