"""Older databases become today's; threads and processes share one."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from seglens.store import Repository
from seglens.store.desk import Desk, StaleError, TakenError
from seglens.store.people import People, Role
from seglens.store.queue import Owner
from seglens.store.review import decide
from seglens.store.tables import OverlapRow
from seglens.types import Answer, AnswerKind, AnswerStatus, Cost, Provenance, Purpose, Query, Region

SIZE = (4, 6)


def query(name: str, round: int = 0) -> Query:
    import numpy as np

    region = Region("a", SIZE, np.array([[1, 3]], np.int32), "grid", 0)
    return Query(name, round, region, AnswerKind.DOMINANT_CLASS, 0.5, Cost(1, 3, 2), {})


def answer(name: str, person: str, classes: tuple[int, ...] = (1,)) -> Answer:
    return Answer(name, AnswerStatus.ANSWERED, Cost(1, 3, 2), Provenance.PERSON, classes, annotator=person)


@pytest.fixture
def repo(tmp_path: Path):
    found = Repository.create(tmp_path)
    found.begin_round(0, 10.0)
    found.add_queries([query(f"q{n}") for n in range(4)])
    yield found
    found.close()


def downgraded(path: Path) -> None:
    """Bring a database back to the schema before people used a page."""
    from alembic import command
    from alembic.config import Config

    from seglens.store import database

    engine = database.connect(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()


def test_a_database_from_before_the_page_is_brought_up_and_tells_the_same(repo: Repository, tmp_path: Path) -> None:
    repo.add_answers([answer("q0", "ana"), answer("q1", "")])
    before = repo.dump()
    repo.close()
    downgraded(tmp_path / "seglens.db")
    with sqlite3.connect(tmp_path / "seglens.db") as db:
        tables = {row[0] for row in db.execute("select name from sqlite_master where type = 'table'")}
        assert "drafts" not in tables
        assert db.execute("select version_num from alembic_version").fetchone() == ("0001",)
    again = Repository.of_run(tmp_path)
    assert again.dump() == before
    assert Desk(again).claim(Owner("ben")) is not None
    People(again).add("ben", Role.OWNER, "a password")
    again.close()


def test_threads_have_transactions_of_their_own(repo: Repository) -> None:
    seen: list[int] = []
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(10)
        seen.append(len(repo.queries()))  # not in the first thread's transaction
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def fail() -> None:
        with repo.transaction():
            repo.add_queries([query("late")])
            inside.set()
            assert done.wait(10)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    thread.join()
    assert seen == [4]
    assert len(repo.queries()) == 4


def test_two_repositories_never_give_one_question_to_two(repo: Repository, tmp_path: Path) -> None:
    """Each repository as in a process of its own: what holds them apart is the database."""
    taken: list[str] = []
    others = [Repository.of_run(tmp_path) for _ in range(4)]

    def work(number: int) -> None:
        found = Desk(others[number]).claim(Owner(f"p{number}"))
        assert found is not None
        taken.append(found.id)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert sorted(taken) == ["q0", "q1", "q2", "q3"]


def test_answers_by_file_decide_questions_asked_twice_too(repo: Repository) -> None:
    repo.ask_several(["q0", "q1"], 2, 0.9)
    repo.add_answers([answer("q0", "ana"), answer("q1", "ana"), answer("q2", "ana")])
    assert [pair.query.id for pair in repo.answered()] == ["q2"]
    assert {q.id for q in repo.open_queries()} == {"q0", "q1", "q3"}
    repo.add_answers([answer("q0", "ben"), answer("q1", "ben", (2,))])
    assert [(p.query.id, p.answer.annotator) for p in repo.answered()] == [("q0", "ana"), ("q2", "ana")]
    assert repo.standing(0) == (4, 2)
    with repo.transaction() as session:
        assert session.execute(text("select count(*) from answers")).scalar() == 5


def test_only_what_comes_again_is_not_waited_for(repo: Repository) -> None:
    def level() -> int | None:
        with repo.transaction() as session:
            return session.execute(text("PRAGMA synchronous")).scalar()

    with repo.writing(synced=False) as session:
        assert session.execute(text("PRAGMA synchronous")).scalar() == 1
    assert level() == 2
    with repo.writing() as session:
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2


def test_the_queue_is_what_a_desk_would_get_and_who_has_it(repo: Repository) -> None:
    repo.ask_several(["q1"], 2, 0.9)
    repo.begin_round(1, 10.0)
    repo.add_queries([query("r0", 1), query("r1", 1)])
    desk, ana, ben = Desk(repo), Owner("ana", "one"), Owner("ben")
    desk.claim_one(ana, "r1")
    desk.claim_one(ben, "q0")
    desk.claim_one(Owner("ana", "two"), "q2")
    repo.add_answers([answer("q1", "ben"), answer("q3", "ben")])
    seen = [(one.query.id, one.persons, one.here, one.free) for one in desk.queue(ana, 10)]
    assert seen == [
        ("r0", (), False, True),
        ("r1", ("ana",), True, True),
        ("q0", ("ben",), False, False),
        ("q1", (), False, True),  # lacks a second person
        ("q2", ("ana",), False, False),  # on another desk of hers
    ]
    assert [one.query.id for one in desk.queue(ana, 3)] == ["r0", "r1", "q0"]
    assert [one.query.id for one in desk.queue(ben, 10)] == ["r0", "r1", "q0", "q2"]
    desk.leave(ana)
    assert desk.queue(ben, 2)[1].persons == ()
    assert desk.seconds_left(Owner("ana", "two"), "q2") > 0
    served = []
    while found := desk.claim(ana):
        served.append(found.id)
        desk.hand_in(ana, answer(found.id, "ana"), 1, 1)
    assert served == ["r0", "r1", "q1"]


def test_a_review_that_is_told_twice_is_paid_once(repo: Repository) -> None:
    repo.add_answers([answer("q0", "ana")])
    before = repo.spent()
    for _ in range(2):
        decide(repo, "q0", "rea", "ana", None, taking=Cost(2, 0, 3.5))
    assert repo.spent() == before + Cost(2, 0, 3.5)
    assert repo.spent(purpose=Purpose.AUDIT) == Cost(0, 0, 0)


def test_a_review_does_not_keep_what_was_not_seen_nor_fall_back_to_what_is_old(repo: Repository) -> None:
    desk = Desk(repo)
    ana = Owner("ana", "one")
    desk.claim(ana)
    desk.hand_in(ana, answer("q0", "ana"), 1, 3)
    with pytest.raises(TakenError, match="'ana' has changed the answer since"):
        decide(repo, "q0", "rea", "ana", None, seen=2)
    decide(repo, "q0", "rea", None, answer("q0", "rea"), 1, 4)
    spent = repo.spent()
    for told in (4, 2):  # a reply was lost and the page sends it again, or an older one comes late
        with pytest.raises(StaleError, match=f"found {told}, but 4 is decided"):
            decide(repo, "q0", "rea", None, answer("q0", "rea"), 1, told)
    assert repo.spent() == spent
    decide(repo, "q0", "rea", None, answer("q0", "rea"), 1, 5)
    decide(repo, "q0", "rea", "ana", None, seen=3)


def test_a_reviewer_may_overrule_an_answer_of_their_own_that_held_by_agreement(repo: Repository) -> None:
    desk = Desk(repo)
    with repo.writing() as session:
        session.add(OverlapRow(query_id="q0", needed=2, agree=1.0))
    for person in ("rea", "ana"):
        assert desk.claim_one(Owner(person), "q0").id == "q0"
        desk.hand_in(Owner(person), answer("q0", person), 1, 2)
    decide(repo, "q0", "rea", None, answer("q0", "rea"), 1, 1)  # one press in the review counts no revisions
    with repo.transaction() as session:
        assert session.get_one(OverlapRow, "q0").reviewer == "rea"
