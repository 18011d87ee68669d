from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from postgres import NoServerError, Server, serving
from sqlalchemy import event, inspect, text
from tiny import contents, resume, tiny

from seglens.acquisition.narrow.random_subset import RandomSubset
from seglens.data.streets import Streets
from seglens.loop import create, drive, retrain
from seglens.loop.scoring import load_rows
from seglens.protocols import PartContext
from seglens.store import Repository, database
from seglens.store.copies import copy_labels
from seglens.store.desk import Desk, Owner
from seglens.store.pool import Pool, PoolImage, Status
from seglens.types import (
    Answer,
    AnswerKind,
    AnswerStatus,
    Chance,
    Cost,
    ImageId,
    ImageRows,
    Item,
    Provenance,
    Purpose,
    Query,
    Region,
    Rows,
    SeglensError,
)

MANY = 20_000
FRAMES = 7


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with serving() as found:
            yield found
    except NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture
def url(server: Server) -> str:
    """Of an empty database."""
    return server.database()


@pytest.fixture(params=["sqlite", "postgres"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    found = Repository.create(tmp_path, request.getfixturevalue("url") if request.param == "postgres" else None)
    found.begin_round(0, 10.0)
    yield found
    found.close()


def id_of(number: int) -> ImageId:
    return f"pool/{number // FRAMES:05d}_{number % FRAMES}"


def item(id: ImageId) -> Item:
    return Item((64, 128 if id < id_of(MANY // 2) else 96), id.rpartition("_")[0])


def query(name: str, image: ImageId, purpose: Purpose = Purpose.LABEL) -> Query:
    region = Region(image, (4, 6), np.array([[1, 3]], np.int32), "grid-2x2", 3)
    return Query(name, 0, region, AnswerKind.DENSE, 0.5, Cost(1, 5, 2), {}, purpose)


def answer(name: str) -> Answer:
    return Answer(name, AnswerStatus.ANSWERED, Cost(1, 3, 2), Provenance.PERSON, (2,))


def filled(repo: Repository, images: int = MANY) -> tuple[Pool, list[PoolImage], dict[ImageId, Status]]:
    """A pool of which some images were scored, asked and labelled, and the same as lists."""
    pool = Pool(repo)
    ids = [id_of(number) for number in range(images)]
    assert pool.register(ids, item) == images
    values = np.random.default_rng(0).integers(0, images // 4, images) / images  # many are equal
    scores = {id: float(value) for number, (id, value) in enumerate(zip(ids, values, strict=True)) if number % 5}
    pool.set_scores(scores.items())
    some = np.random.default_rng(1).permutation(images)[:90].tolist()
    repo.add_queries([query(f"q{n}-{k}", ids[n]) for n in some for k in range(2)])
    repo.add_queries([query("audited", ids[some[-1] - 1], Purpose.AUDIT)])
    repo.add_answers([answer(f"q{n}-{k}") for n in some[:60] for k in range(2 if n in some[:30] else 1)])
    known = [PoolImage(n, id, item(id).group, item(id).size, scores.get(id)) for n, id in enumerate(ids)]
    status = dict.fromkeys(ids, Status.UNLABELLED) | {ids[n]: Status.ASKED for n in some}
    return pool, known, status | {ids[n]: Status.LABELLED for n in some[:30]}


def test_selections_are_those_of_brute_force(repo: Repository) -> None:
    pool, known, status = filled(repo)
    assert len(pool) == MANY
    assert pool.pixels() == sum(h * w for h, w in (image.size for image in known))
    assert pool.counts() == {s: list(status.values()).count(s) for s in Status}
    assert list(pool.images()) == known
    for chosen in (None, *Status):
        for sequence in (None, known[MANY // 3].sequence):
            left = [i for i in known if chosen in (None, status[i.id]) and sequence in (None, i.sequence)]
            assert list(pool.images(chosen, sequence, page=999)) == left
            scored = [image for image in left if image.score is not None]
            best = sorted(scored, key=lambda image: (-(image.score or 0), image.position))
            assert pool.top(50, chosen, sequence) == best[:50]


def test_chance_draws_the_images_that_the_narrowing_draws(repo: Repository, tmp_path: Path) -> None:
    pool, known, status = filled(repo)
    left = tuple(image.id for image in known if status[image.id] is Status.UNLABELLED)
    streets = Streets(Streets.Params(images=1, size=(64, 128)))
    context = PartContext(streets.classes, streets, tmp_path, (64, 128))
    narrow = RandomSubset(RandomSubset.Params(images=40), context)
    for seed in (3, 4):
        drawn = [image.id for image in pool.random(40, Chance((seed,)), Status.UNLABELLED)]
        assert set(drawn) == set(narrow.choose(ImageRows(left), ImageRows(()), Chance((seed,))))
        assert drawn == sorted(drawn, key=lambda id: Chance((seed, id)).seed())


def test_registering_goes_on_behind_what_is_there_and_pages_behind_a_position(repo: Repository) -> None:
    pool = Pool(repo)
    ids = [id_of(number) for number in range(MANY)]
    asked: list[ImageId] = []

    def broken(id: ImageId) -> Item:
        asked.append(id)
        if len(asked) == MANY - 1:
            raise RuntimeError(id)  # killed in the second page of two
        return item(id)

    with pytest.raises(RuntimeError):
        pool.register(ids, broken)
    there = len(pool)
    assert 0 < there < MANY
    assert pool.register(ids, item) == MANY - there
    assert pool.register(ids, broken) == 0  # asks of no image
    assert len(asked) == MANY - 1
    pages = pool.images(page=100)
    begun = [next(pages) for _ in range(250)]
    assert [image.id for image in (*begun, *pool.images(after=begun[-1].position))] == ids


def test_pages_and_the_best_come_from_an_index_without_sorting_the_pool(tmp_path: Path) -> None:
    repo = Repository.create(tmp_path)
    repo.begin_round(0, 1.0)
    pool, known, _ = filled(repo, 2_000)
    plans: list[str] = []

    @event.listens_for(repo.engine, "before_cursor_execute", retval=True)
    def explain(_c: object, _cursor: object, statement: str, values: object, *_: object) -> tuple[str, object]:
        with repo.engine.connect() as other:
            plan = other.connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", cast(Any, values))
            plans.append("; ".join(str(row[-1]) for row in plan.fetchall()))
        return statement, values

    list(pool.images(Status.UNLABELLED)), list(pool.images(None, known[9].sequence)), pool.top(9, Status.UNLABELLED)
    repo.close()
    assert "SEARCH images USING INTEGER PRIMARY KEY (rowid>?)" in plans[0]
    assert "ix_queries_image" in plans[0]
    assert "ix_images_sequence_position (sequence=? AND position>?)" in plans[1]
    assert "ix_images_score_position (score>?)" in plans[2]
    assert not [plan for plan in plans if "TEMP B-TREE FOR ORDER BY" in plan]


def interrupt(what: str, _done: int, _total: int) -> None:
    if what == "round 0: settle":
        raise KeyboardInterrupt


def test_a_run_in_postgresql_gives_what_one_in_sqlite_gives(tmp_path: Path, url: str) -> None:
    config = {"rounds": 1, "data": {"name": "streets", "images": 4, "size": [64, 96]}, "eval_data": None}
    create(tmp_path / "a", tiny(tmp_path, **config))
    resume(tmp_path / "a")
    create(tmp_path / "b", tiny(tmp_path, **config, store={"url": url}))
    with pytest.raises(SeglensError, match="holds tables already"):
        create(tmp_path / "c", tiny(tmp_path, **config, store={"url": url}))
    with pytest.raises(KeyboardInterrupt):
        drive(tmp_path / "b", interrupt)
    resume(tmp_path / "b")
    assert not list((tmp_path / "b").glob("seglens.db*"))
    assert contents(tmp_path / "b") == contents(tmp_path / "a")
    kept = []
    for run in ("a", "b"):
        repo = Repository.of_run(tmp_path / run)
        kept.append((list(Pool(repo).images()), Pool(repo).counts()))
        repo.close()
    assert kept[0] == kept[1]
    rows = Rows.concat([load_rows(path) for path in (tmp_path / "b" / "rounds" / "000" / "rows").iterdir()])
    for image in kept[0][0]:
        mine = rows.images == image.id
        assert image.score == pytest.approx(np.average(rows.arrays["value"][mine], weights=rows.sizes[mine]))
    (tmp_path / "copy").mkdir()
    copy_labels(tmp_path / "b", tmp_path / "copy", ["clicks"])
    old, new = (Repository.of_run(tmp_path / name) for name in ("b", "copy"))
    assert [pair.answer for pair in new.answered()] == [pair.answer for pair in old.answered()]
    assert list(Pool(new).images()) == kept[0][0]
    assert new.engine.dialect.name == "sqlite"
    old.close(), new.close()
    with pytest.raises(SeglensError, match=r"key 'store\.url', found 'postgresql://x': .* in SQLite\. Allowed: null"):
        retrain(tmp_path / "b", tmp_path / "c", tiny(tmp_path, **config, store={"url": "postgresql://x"}))
    assert not (tmp_path / "c").exists()


def test_a_server_that_goes_away_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    try:
        with serving() as server:
            config = tiny(tmp_path, rounds=2, eval_data=None, store={"url": server.database()})
            create(tmp_path / "run", config)
            gone = False

            def stop_it(what: str, _done: int, _total: int) -> None:
                nonlocal gone
                if what == "round 1: pick" and not gone:
                    gone = True
                    server.stop()

            with pytest.raises(
                SeglensError, match=r"store\.url .*: the database does not answer: .*go on with --resume"
            ):
                drive(tmp_path / "run", stop_it)
            with pytest.raises(SeglensError, match="the database does not answer"):
                drive(tmp_path / "run")
            server.start()
            resume(tmp_path / "run")
            create(tmp_path / "calm", tiny(tmp_path, rounds=2, eval_data=None))
            resume(tmp_path / "calm")
            assert contents(tmp_path / "run") == contents(tmp_path / "calm")
    except NoServerError as error:
        pytest.skip(str(error))


def test_only_a_free_database_is_taken(url: str, tmp_path: Path) -> None:
    """Free: empty, or of a run that was killed while it was made. What others keep in it is left alone."""
    Repository.create(tmp_path, url).close()
    database.check_free(url)
    engine = database.connect(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (x int)"))
    with pytest.raises(SeglensError, match=r"key 'store\.url', found 'postgresql:.*holds tables already"):
        create(tmp_path / "run", tiny(tmp_path, store={"url": url}))
    assert "theirs" in inspect(engine).get_table_names()
    engine.dispose()
    assert not (tmp_path / "run").exists()


def test_an_area_past_32_bits_is_told(repo: Repository) -> None:
    Pool(repo).register(["a", "b"], lambda id: Item((50_000, 60_000), id))
    assert Pool(repo).pixels() == 2 * 50_000 * 60_000


def test_postgresql_never_gives_one_question_to_two(url: str, tmp_path: Path) -> None:
    repos = [Repository.create(tmp_path, url) for _ in range(4)]
    repos[0].begin_round(0, 1.0)
    repos[0].add_queries([query(f"q{n}", "a") for n in range(8)])
    with ThreadPoolExecutor(4) as threads:
        claims = threads.map(lambda n: Desk(repos[n % 4]).claim(Owner(f"p{n}")), range(8))
        assert sorted(claim.id for claim in claims if claim is not None) == [f"q{n}" for n in range(8)]
    for repo in repos:
        repo.close()


def test_a_run_of_before_is_registered_when_it_is_driven(tmp_path: Path) -> None:
    create(tmp_path / "run", tiny(tmp_path, rounds=1))
    repo = Repository.of_run(tmp_path / "run")
    with repo.transaction() as session:
        session.execute(text("DROP TABLE images"))
        session.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    repo.close()
    drive(tmp_path / "run")
    repo = Repository.of_run(tmp_path / "run")
    assert len(Pool(repo)) == 6
    repo.close()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("no url", "key 'store.url', found 'no url': no URL of a database. Allowed: postgresql://"),
        ("mysql://me@host/db", "key 'store.url', found 'mysql://me@host/db', no PostgreSQL. Allowed: postgresql://"),
        ("sqlite:///x.db", "key 'store.url', found 'sqlite:///x.db', no PostgreSQL. Allowed: postgresql://"),
        ("postgresql://me:secret@host/db", "key 'store.url', found a URL with a password"),
        ("postgresql://me@host/db?password=secret", "key 'store.url', found a URL with a password"),
        ("postgresql://me@localhost:1/db", "store.url postgresql://me@localhost:1/db: the database does not answer"),
    ],
)
def test_a_bad_url_is_one_error_and_makes_nothing(tmp_path: Path, given: str, told: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(SeglensError) as error:
        create(tmp_path / "run", tiny(tmp_path, store={"url": given}))
    assert str(error.value).startswith(told)
    assert "secret" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_missing_driver_names_the_extra(tmp_path: Path) -> None:
    """In a process of its own that has no psycopg."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from seglens.store import Repository\n"
        "Repository('postgresql://me@host/db', 'x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "key 'store.url' needs the extra 'postgres': pip install 'seglens[postgres]'" in done.stderr
