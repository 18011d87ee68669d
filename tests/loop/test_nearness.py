"""People are asked about what is near first, and there about what the score puts first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import contents, tiny

from seglens.acquisition.reasons import NEAR, words
from seglens.cli.people import questions
from seglens.loop import State, create, drive
from seglens.loop.nearness import in_turn
from seglens.store import Repository
from seglens.store.desk import Desk
from seglens.store.queue import Owner
from seglens.types import Answer, AnswerKind, AnswerStatus, Cost, Provenance, Query, Region


def query(name: str, score: float, reason: dict) -> Query:
    region = Region("a", (4, 6), np.array([[1, 3]], np.int32), "grid", 0)
    return Query(name, 1, region, AnswerKind.DOMINANT_CLASS, score, Cost(1), reason)


def near(proximity: float) -> dict:
    return {"maps": {"proximity": proximity}}


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ([(0.1, {}), (0.9, {}), (0.5, {})], "120"),
        ([(0.1, near(0.3)), (0.9, near(0.2)), (0.5, near(0.25)), (0.95, {})], "2031"),  # unknown: not known to be near
        ([(0.5, near(0.3)), (0.5, near(0.4)), (0.5, near(0.3))], "102"),
        ([(0.1, {"first_round": True}), (0.9, {"first_round": True} | near(1.0))], "01"),
        ([], ""),
    ],
)
def test_near_ones_come_first_and_there_the_highest_score(asked: list, order: str) -> None:
    found = in_turn([query(str(n), score, reason) for n, (score, reason) in enumerate(asked)])
    assert "".join(q.id for q in found) == order


def two_rounds(folder: Path, **changes: object) -> Path:
    """A run whose first round is answered and whose second one waits."""
    run = folder / "run"
    create(run, tiny(folder, ask={"name": "human", "enough": 0.9}, rounds=2, **changes))
    assert drive(run).state is State.AWAITING
    repo = Repository.of_run(run)
    first = repo.open_queries()
    said = [Answer(q.id, AnswerStatus.ANSWERED, Cost(1), Provenance.PERSON, (n % 3,)) for n, q in enumerate(first[1:])]
    repo.add_answers(said)
    repo.close()
    assert drive(run).state is State.AWAITING
    return run


def served(run: Path) -> list[Query]:
    """Every question that is left, as a desk gets one after the other and answers it."""
    repo, found = Repository.of_run(run), []
    desk, ana = Desk(repo), Owner("ana")
    while asked := desk.claim(ana):
        found.append(asked)
        desk.hand_in(ana, Answer(asked.id, AnswerStatus.VOID, Cost(1), Provenance.PERSON, annotator="ana"), 1, 1)
    repo.close()
    return found


def keys(queries: list[Query]) -> list[tuple[bool, float]]:
    return [(q.reason["maps"]["proximity"] < NEAR, -q.score) for q in queries]


@pytest.mark.parametrize("depth", ["exact", "ground"])
def test_a_run_serves_its_newest_round_near_and_doubtful_first(tmp_path: Path, depth: str) -> None:
    run = two_rounds(tmp_path, depth=depth)
    questions(run, tmp_path / "questions.jsonl")
    listed = [json.loads(line)["query"] for line in (tmp_path / "questions.jsonl").read_text().splitlines()]
    found = served(run)
    assert [q.id for q in found] == listed
    newest = [q for q in found if q.round == 1]
    assert found[len(newest) :] == [q for q in found if q.round == 0]  # what is left of the first round comes last
    assert keys(newest) == sorted(keys(newest))
    assert len(newest) == 12
    assert {far for far, _ in keys(newest)} == {False, True}, "the case is worth nothing"
    assert all(words(q.reason).startswith(("near ", "far ")) for q in newest)
    said = words(found[-1].reason)
    assert said.startswith("first round: spread over images")
    assert said.endswith(("near", "far")) == (depth == "exact")


def test_without_depth_the_score_alone_orders(tmp_path: Path) -> None:
    run = two_rounds(tmp_path, depth={"name": "files", "folder": str(tmp_path)})  # an empty folder: no image has any
    newest = [q for q in served(run) if q.round == 1]
    assert all("maps" not in q.reason for q in newest)
    assert [q.score for q in newest] == sorted((q.score for q in newest), reverse=True)


def test_equal_runs_ask_in_equal_order(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        run = two_rounds(tmp_path / name)
        found.append((contents(run), [(q.image, q.region.index) for q in served(run)]))
    assert found[0] == found[1]
