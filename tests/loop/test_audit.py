"""The audit of a run's labels: its parts, who judges what, and that it finds what was planted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import start, tiny

import seglens.loop.audit as audit_module
from seglens.functional.run_lengths import encode
from seglens.loop.audit import Auditor
from seglens.loop.doubted import NAME, keep, kept
from seglens.loop.machine import silent
from seglens.loop.parts import parts_of, places
from seglens.store import Repository
from seglens.store.tables import AnswerClassRow, AnswerRow
from seglens.types import (
    IGNORE,
    Answer,
    Answered,
    AnswerKind,
    AnswerStatus,
    Cost,
    Provenance,
    Query,
    Region,
    SeglensError,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two rounds in which one answer about road was turned to sky, and one about sky to road."""
    folder = tmp_path_factory.mktemp("audit")
    data = {"name": "streets", "split": "pool", "images": 12, "size": [64, 96]}
    budget = {"unit": "clicks", "initial": 60, "per_round": 60}
    start(folder / "run", tiny(folder, rounds=2, data=data, budget=budget))
    repo = Repository.of_run(folder / "run")
    with repo.transaction() as session:
        chosen = [session.query(AnswerClassRow).filter_by(class_index=true).first() for true in (0, 10)]
        for row, said in zip(chosen, (10, 0), strict=True):
            assert row is not None
            row.class_index = said
            repo.set_meta(f"planted {said}", session.get_one(AnswerRow, row.answer_id).query_id)
    repo.close()
    return folder / "run"


def planted(run: Path) -> set[str | None]:
    repo = Repository.of_run(run)
    try:
        return {repo.meta("planted 0"), repo.meta("planted 10")}
    finally:
        repo.close()


@pytest.mark.parametrize("folds", [0, 2])
def test_planted_mistakes_are_among_the_first(run: Path, folds: int) -> None:
    auditor = Auditor(run, silent, folds)
    found = auditor.audit()
    rows = found.rows(auditor.bench.data.classes.names)
    assert len(rows) == len(auditor.parts) > 80
    assert [row["suspicion"] for row in rows] == sorted((row["suspicion"] for row in rows), reverse=True)
    ranks = {row["query"]: row["rank"] for row in rows}
    assert all(ranks[query] <= len(rows) / 5 for query in planted(run) if query)
    first = next(row for row in rows if row["query"] in planted(run))
    assert {first["said"][0], first["instead"]} == {"road", "sky"}
    assert found.predictions.keys() == {row["image"] for row in rows}
    assert {p.shape for p in found.predictions.values()} == {(64, 96)}


def test_no_image_is_judged_by_a_model_that_learnt_from_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[set[str]] = []
    train = audit_module.train

    def noted(net: Any, source: Any, *args: Any, **options: Any) -> Any:
        learnt.append(set(source.ids))
        return train(net, source, *args, **options)

    monkeypatch.setattr(audit_module, "train", noted)
    auditor = Auditor(run, silent, 3)
    judged = [ids for ids, _ in auditor._nets()]
    assert len(learnt) == 3
    assert all(seen and seen.isdisjoint(ids) for seen, ids in zip(learnt, judged, strict=True))
    assert sorted(id for ids in judged for id in ids) == auditor.ids


def test_an_audit_repeats_itself_and_leaves_the_run_as_it_was(run: Path) -> None:
    def everything() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file() and "seglens.db" not in p.name}

    before = everything()
    first, second = (Auditor(run, silent, 2).audit() for _ in range(2))
    assert np.array_equal(first.found.suspicion, second.found.suspicion)
    assert everything() == before
    names = Auditor(run, silent, 0).bench.data.classes.names
    keep(run, first, names, 5)
    assert set(everything()) - set(before) == {run / NAME}
    told = kept(run)
    assert told is not None
    assert (told["at"], told["doubted"]) == (first.at.isoformat(), first.rows(names, 5))
    assert kept(run.parent) is None


def test_what_cannot_be_audited_is_said(tmp_path: Path, run: Path) -> None:
    with pytest.raises(SeglensError, match="--folds: found 1; allowed: 2 or more, or 0"):
        Auditor(run, silent, 1)
    with pytest.raises(SeglensError, match="not a run"):
        Auditor(tmp_path, silent)


# -- parts of answers --------------------------------------------------------------------------------------------------
SIZE = (12, 16)


def pair(kind: AnswerKind, mask: np.ndarray, **answer: Any) -> Answered:
    region = Region("a", SIZE, encode(mask), "k", 3)
    query = Query("q", 0, region, kind, 0.0, Cost())
    told = {"status": AnswerStatus.ANSWERED, "provenance": Provenance.PERSON, **answer}
    return Answered(query, Answer("q", cost=Cost(), **told))


def masks() -> Iterator[np.ndarray]:
    left = np.zeros(SIZE, bool)
    left[:, :8] = True
    yield left
    yield np.ones(SIZE, bool)


def test_a_drawn_answer_has_a_part_for_each_segment_large_enough() -> None:
    _, whole = masks()
    drawn = np.full(SIZE, IGNORE, np.uint8)
    drawn[:, :4] = 2
    drawn[:, 12:] = 2  # the same class, elsewhere
    drawn[0:2, 6:8] = 1  # four pixels
    parts = list(parts_of([pair(AnswerKind.DENSE, whole, dense=drawn.ravel())]))
    assert [(part.classes, part.region.pixels) for part in parts] == [((2,), 48), ((2,), 48)]
    assert parts[0].region.runs[:, 0].tolist() == list(range(0, 192, 16))


def test_a_point_speaks_for_its_cell_and_a_set_for_its_region() -> None:
    left, _ = masks()
    (point,) = parts_of([pair(AnswerKind.POINT, left, classes=(1,), point=(5, 5))])
    assert point.region.pixels == 16
    (chosen,) = parts_of([pair(AnswerKind.CLASS_SET, left, classes=(1, 2))])
    assert (chosen.classes, chosen.region.pixels) == ((1, 2), 96)


def test_answers_that_name_no_class_and_those_of_machines_have_no_part() -> None:
    left, _ = masks()
    void = pair(AnswerKind.DOMINANT_CLASS, left, status=AnswerStatus.VOID)
    unsure = pair(AnswerKind.DOMINANT_CLASS, left, status=AnswerStatus.UNSURE)
    machine = pair(AnswerKind.DOMINANT_CLASS, left, classes=(1,), provenance=Provenance.MACHINE)
    assert list(parts_of([void, unsure, machine])) == []


def test_places_are_the_pixels_whose_centres_lie_inside() -> None:
    left, _ = masks()
    region = Region("a", SIZE, encode(left), "k", 0)
    assert places(region, SIZE).tolist() == np.flatnonzero(left).tolist()
    half = places(region, (6, 8))
    assert half.tolist() == [y * 8 + x for y in range(6) for x in range(4)]
    twice = places(region, (24, 32))
    assert len(twice) == 4 * 96
    speck = np.zeros(SIZE, bool)
    speck[10, 15] = True
    assert places(Region("a", SIZE, encode(speck), "k", 0), (3, 4)).tolist() == [2 * 4 + 3]
