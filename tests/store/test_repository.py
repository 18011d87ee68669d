from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from seglens.store import Metric, Repository
from seglens.store.tables import Base
from seglens.types import (
    Answer,
    AnswerKind,
    AnswerStatus,
    Cost,
    Provenance,
    Query,
    Region,
    SeglensError,
    Stage,
)


@pytest.fixture
def repo(tmp_path: Path):
    repository = Repository.create(tmp_path)
    repository.begin_round(0, 10.0)
    yield repository
    repository.close()


def query(name: str, image: str = "a/b", round: int = 0) -> Query:
    region = Region(image, (4, 6), np.array([[1, 3], [7, 2]], np.int32), "grid-2x2", 3)
    return Query(name, round, region, AnswerKind.DENSE, 0.5, Cost(1, 5, 2), {"margin": 0.04, "classes": ["a", "b"]})


def answer(name: str, annotator: str = "") -> Answer:
    dense = np.array([0, 1, 255, 2, 2], np.uint8)
    return Answer(name, AnswerStatus.ANSWERED, Cost(7, 4, 9), Provenance.SIMULATED, (2, 0), dense, (1, 2), annotator)


def test_queries_and_answers_come_back_as_they_went_in(repo: Repository) -> None:
    repo.add_queries([query("q1"), query("q0")])
    assert [q.id for q in repo.queries(0)] == ["q1", "q0"]  # the order picked, not of the ids
    stored = repo.queries(0)[0]
    assert stored.region.runs.tolist() == [[1, 3], [7, 2]]
    assert (stored.region.size, stored.region.key, stored.region.index) == ((4, 6), "grid-2x2", 3)
    assert stored.reason == {"margin": 0.04, "classes": ["a", "b"]}
    assert repo.add_answers([answer("q0")]) == 1
    pair = repo.answered("a/b")[0]
    assert pair.answer.dense is not None
    assert pair.answer.dense.tolist() == [0, 1, 255, 2, 2]
    assert (pair.answer.classes, pair.answer.point, pair.answer.cost) == ((2, 0), (1, 2), Cost(7, 4, 9))
    assert [q.id for q in repo.open_queries()] == ["q1"]
    assert repo.spent() == Cost(7, 4, 9)


def test_submitting_is_idempotent(repo: Repository) -> None:
    for _ in range(2):
        repo.add_queries([query("q0")])
        repo.add_answers([answer("q0"), answer("q0"), answer("q0", "anna")])
    assert len(repo.queries()) == 1
    assert len(repo.answered()) == 2
    assert repo.spent().clicks == 14


def test_an_answer_to_an_unknown_query_stores_nothing(repo: Repository) -> None:
    repo.add_queries([query("q0")])
    with pytest.raises(SeglensError, match="unknown query 'nope'"):
        repo.add_answers([answer("q0"), answer("nope")])
    assert repo.answered() == []


def test_a_failed_transaction_leaves_nothing(repo: Repository) -> None:
    def fail() -> None:
        with repo.transaction():
            repo.add_queries([query("q0")])
            repo.advance(0, Stage.TRAIN)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert repo.queries() == []
    assert repo.rounds()[0].stage is Stage.NARROW


def test_metrics_replace_and_events_append(repo: Repository) -> None:
    for value in (0.1, 0.2):
        repo.set_metrics([Metric(0, "miou", "native", -1, value), Metric(0, "iou", "native", 4, None)])
        repo.log("stage", 0, Stage.EVALUATE, seconds=1.5)
    assert [m.value for m in repo.metrics(0, "miou")] == [0.2]
    assert repo.metrics(0, "iou")[0].value is None
    assert [e.data["seconds"] for e in repo.events("stage")] == [1.5, 1.5]


def test_the_dump_leaves_times_out(repo: Repository, tmp_path: Path) -> None:
    repo.add_queries([query("q0")])
    repo.add_answers([answer("q0")])
    text = repo.dump()
    with sqlite3.connect(tmp_path / "seglens.db") as raw:
        raw.execute("UPDATE queries SET created_at = '2001-01-01', seconds = 5")
        raw.execute("UPDATE answers SET answered_at = '2001-01-01', seconds = 5")
        raw.commit()
        assert repo.dump() == text
        raw.execute("UPDATE answers SET clicks = 6")
        raw.commit()
    raw.close()
    assert repo.dump() != text


def test_migrations_make_the_tables_of_the_code(repo: Repository) -> None:
    with repo.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_newer_database_is_refused_and_left_alone(repo: Repository, tmp_path: Path) -> None:
    repo.close()
    with sqlite3.connect(tmp_path / "seglens.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(SeglensError, match=r"seglens\.db: the database has schema 9999, made by a newer version"):
        Repository.of_run(tmp_path)
    with sqlite3.connect(tmp_path / "seglens.db") as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    raw.close()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="not a run"):
        Repository.of_run(tmp_path)
    (tmp_path / "seglens.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(SeglensError, match="not a seglens database"):
        Repository.of_run(tmp_path)
    (tmp_path / "seglens.db").unlink()
    with sqlite3.connect(tmp_path / "seglens.db") as raw:
        raw.execute("CREATE TABLE other (x)")
    raw.close()
    with pytest.raises(SeglensError, match="not of a seglens run"):
        Repository.of_run(tmp_path)
