"""A run's questions, answers and labels, copied into another run's folder; its database, copied whole."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, insert, select

from seglens.store.database import DATABASE, remove
from seglens.store.pool import PAGE
from seglens.store.repository import RUN_ID, Repository
from seglens.store.tables import Base, EventRow, MetaRow, MetricRow
from seglens.types import SeglensError, Stage

FILES = ("labels", "provenance", "audit-set.json")


def copy_labels(source: Path, run: Path, metrics: Collection[str]) -> None:
    """Copy what was asked and answered and the labels that it became; what a training made of them is left out.

    Args:
        source: folder of a run that is not in the middle of a round; it is only read.
        run: a folder without a run; its last round is at the stage *train* afterwards, its database SQLite.
        metrics: names of the figures to keep.

    Raises:
        SeglensError: the source is no run, or in the middle of a round; nothing is left behind.
    """
    old = Repository.of_run(source)
    try:
        rounds = old.rounds()
        if not rounds or rounds[-1].stage is not None:
            raise SeglensError(
                f"{source}: in the middle of a round; finish it first with `seglens run {source} --resume`"
            )
        new = Repository.create(run)
        try:
            for name in FILES:
                if (source / name).is_dir():
                    shutil.copytree(source / name, run / name)
                elif (source / name).exists():
                    shutil.copy2(source / name, run / name)
            with old.transaction() as there, new.transaction() as session:
                for table in Base.metadata.sorted_tables:
                    if table is not EventRow.__table__:
                        for page in there.execute(select(table).execution_options(yield_per=PAGE)).partitions():
                            session.execute(insert(table), [dict(row._mapping) for row in page])
                session.execute(delete(MetaRow).where(MetaRow.key == RUN_ID))
                session.execute(delete(MetricRow).where(MetricRow.name.not_in(metrics)))
                new.advance(rounds[-1].number, Stage.TRAIN)
        finally:
            new.close()
    except BaseException:
        remove_copy(run)
        raise
    finally:
        old.close()


@dataclass(frozen=True)
class Written:
    """How far a run's database has come: rows are added to these and never taken away."""

    run: str
    events: int
    answers: int


def snapshot(run: Path, file: Path) -> Written:
    """Copy a run's database whole, as it stands between two transactions; others may write meanwhile.

    Raises:
        SeglensError: no run there.
    """
    repo = Repository.of_run(run)
    try:
        repo.run_id()  # drawn now where nobody has asked yet
    finally:
        repo.close()
    with closing(sqlite3.connect(run / DATABASE)) as there, closing(sqlite3.connect(file)) as here:
        there.backup(here)
    return written(file)


def written(file: Path) -> Written:
    """How far a database has come."""
    with closing(sqlite3.connect(file)) as database:
        (run,) = database.execute("SELECT value FROM meta WHERE key = ?", (RUN_ID,)).fetchone()
        (events,) = database.execute("SELECT count(*) FROM events").fetchone()
        (answers,) = database.execute("SELECT count(*) FROM answers").fetchone()
    return Written(run, events, answers)


def remove_copy(run: Path) -> None:
    """Remove what ``copy_labels`` brings."""
    remove(run, None)
    for name in FILES:
        shutil.rmtree(run / name, ignore_errors=True)
    (run / "audit-set.json").unlink(missing_ok=True)
