"""The audit set: drawn by chance, labelled whole, measured on; never asked about to learn from, never learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import contents, die_at_commit, die_at_report, finish, resume, start, tiny

import seglens.config
from seglens.loop import State, Workbench, create, drive
from seglens.store import LabelFiles, Repository
from seglens.types import (
    Answer,
    AnswerKind,
    AnswerStatus,
    Cost,
    Provenance,
    Purpose,
    SeglensError,
)

AUDITED: dict[str, Any] = {"audit_set": {"images": 2}, "rounds": 2, "eval_data": None}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit-set")
    start(folder / "run", tiny(folder, **AUDITED))
    return folder / "run"


def figures(repo: Repository, round: int) -> dict[str, float | None]:
    return {m.name: m.value for m in repo.metrics(round) if m.class_index == -1}


def test_its_images_are_asked_about_whole_and_never_learnt_from(run: Path) -> None:
    bench = Workbench(tiny(run.parent, **AUDITED), run)
    repo = Repository.of_run(run)
    audited = repo.queries(purpose=Purpose.AUDIT)
    assert [q.image for q in audited] == list(bench.audit_set)
    assert len(audited) == 2
    assert {(q.kind, q.round, q.region.pixels) for q in audited} == {(AnswerKind.DENSE, 0, 64 * 96)}
    asked = {q.image for q in repo.queries()}
    assert asked
    assert asked.isdisjoint(bench.audit_set)
    assert set(LabelFiles(run).ids()) == {pair.query.image for pair in repo.answered()}
    for folder in run.glob("rounds/*/rows"):
        seen = {id for file in folder.glob("*.npz") for id in np.load(file)["ids"].tolist()}
        assert seen.isdisjoint(bench.audit_set)
    repo.close()


def test_its_cost_is_told_apart_from_the_budget(run: Path) -> None:
    repo = Repository.of_run(run)
    label, audit, both = (repo.spent(purpose=purpose) for purpose in (Purpose.LABEL, Purpose.AUDIT, None))
    assert (label.clicks, label.pixels + audit.pixels) == (24, both.pixels)
    assert audit.clicks > 20
    last = figures(repo, 1)
    assert (last["clicks"], last["audit_clicks"], last["audit_pixels"]) == (24, audit.clicks, audit.pixels)
    repo.close()


def test_every_round_has_its_miou_on_it_with_an_interval(run: Path) -> None:
    """The simulated oracle labels it as the truth is: the same figures as an evaluation on these images."""
    from seglens.training import evaluate

    bench = Workbench(tiny(run.parent, **AUDITED), run)
    repo = Repository.of_run(run)
    for round in (0, 1):
        found = figures(repo, round)
        assert "miou" not in found
        net = bench.net(round + 1)
        assert net is not None
        assert bench.labels is not None
        expected = evaluate(net, bench.data, bench.labels, list(bench.audit_set), size=(64, 96))[0]
        assert found["audit_miou"] == pytest.approx(expected.miou, abs=2e-3)  # cached features are halves
        low, high = found["audit_miou_low"], found["audit_miou_high"]
        assert low is not None
        assert high is not None
        assert 0 <= low < found["audit_miou"] < high <= 1
        assert found["audit_images"] == 2
    assert len(repo.metrics(1, "audit_iou")) == len(bench.data.classes)
    repo.close()


def test_killed_anywhere_it_resumes_to_the_same_result(tmp_path: Path, run: Path) -> None:
    again = tmp_path / "run"
    assert finish(die_at_report, again, tiny(tmp_path, **AUDITED), "round 0: narrow") == -9
    for stage in ("pick", "ask", "await", "settle", "evaluate"):
        assert finish(die_at_commit, again, 0, stage) == -9
    assert finish(die_at_report, again, None, "measuring on the audit set") == -9
    assert finish(resume, again) == 0
    assert contents(again) == contents(run)


def test_a_run_without_one_is_what_it_was_before_there_were_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest goes into the id of every question: without an audit set it must not know of the key."""
    digested: list[dict[str, Any]] = []
    plain = seglens.config._without_folders

    def noted(value: Any) -> Any:
        if isinstance(value, dict) and "data" in value:
            digested.append(value)
        return plain(value)

    monkeypatch.setattr(seglens.config, "_without_folders", noted)
    without, audited = (tiny(tmp_path, **changes) for changes in ({}, {"audit_set": {"images": 1}}))
    assert without.digest() != audited.digest()
    assert ["audit_set" in values for values in digested] == [False, True]


def test_the_draw_depends_on_the_seed_and_the_image_alone(tmp_path: Path) -> None:
    def drawn(**changes: Any) -> set[str]:
        return set(Workbench(tiny(tmp_path, **{**AUDITED, **changes}), tmp_path).audit_set)

    first = drawn()
    more = drawn(audit_set={"images": 4})
    assert first < more  # a larger one keeps the smaller
    assert drawn(rounds=3, score="random", chunk=2) == first
    assert len({frozenset(drawn(seed=seed)) for seed in range(6)}) > 1
    fewer = {"name": "streets", "split": "pool", "images": 5, "size": [64, 96]}
    assert len(drawn(data=fewer) & first) >= 1


def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(SeglensError, match=r"audit_set.images: found 6, but the pool has 6 images.*allowed: 1 to 5"):
        create(run, tiny(tmp_path, audit_set={"images": 6}))
    with pytest.raises(SeglensError, match="audit_set: its images are labelled by people, and ask 'machine'"):
        create(
            run,
            tiny(
                tmp_path,
                audit_set={"images": 1},
                ask="machine",
                answer="dense",
                cut="image",
                budget={"unit": "images", "initial": 1, "per_round": 1},
                companions=["ema-teacher"],
            ),
        )
    with pytest.raises(SeglensError, match="audit_set"):
        tiny(tmp_path, audit_set={"images": -1})
    assert not run.exists()


def test_people_may_label_it_late_and_all_rounds_are_then_measured_on_the_same_images(tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = tiny(tmp_path, **{**AUDITED, "ask": "human", "budget": {"unit": "clicks", "initial": 8, "per_round": 8}})
    create(run, config)
    labels = _truth(config)
    for round in (0, 1):
        assert drive(run).state is State.AWAITING
        repo = Repository.of_run(run)
        waiting = repo.open_queries()
        assert {q.purpose for q in waiting} == {Purpose.LABEL}
        repo.add_answers([_named(q.id, q.round + i % 3) for i, q in enumerate(waiting)])
        if round == 1:  # one of the two images is labelled while round 1 is answered
            repo.add_answers([_whole(repo, labels, 0)])
        repo.close()
    assert drive(run).state is State.FINISHED
    repo = Repository.of_run(run)
    assert [figures(repo, round).get("audit_images") for round in (0, 1)] == [1, 1]
    assert len(repo.open_queries(Purpose.AUDIT)) == 1
    before = figures(repo, 1)["audit_miou_high"]
    repo.add_answers([_whole(repo, labels, 1)])
    repo.close()
    assert drive(run).state is State.FINISHED
    repo = Repository.of_run(run)
    assert [figures(repo, round)["audit_images"] for round in (0, 1)] == [2, 2]
    assert figures(repo, 1)["audit_miou_high"] != before
    assert set(LabelFiles(run).ids()) == {pair.query.image for pair in repo.answered()}
    repo.close()


def _truth(config: Any) -> Any:
    from seglens.data import open_labels

    return open_labels(config.data)


def _named(query: str, named: int) -> Answer:
    return Answer(query, AnswerStatus.ANSWERED, Cost(1, 50), Provenance.PERSON, (named,))


def _whole(repo: Repository, labels: Any, number: int) -> Answer:
    query = repo.queries(purpose=Purpose.AUDIT)[number]
    dense = labels.label(query.image).ravel()
    return Answer(query.id, AnswerStatus.ANSWERED, Cost(90, len(dense), 600), Provenance.PERSON, dense=dense)
