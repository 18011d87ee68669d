"""Opening a run's database: SQLite in WAL mode or any SQLAlchemy URL, migrated to the schema of this version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from seglens.files import no_space
from seglens.types import SeglensError

BUSY_SECONDS = 30


def connect(url: str) -> Engine:
    """An engine for ``url``; SQLite gets WAL, a busy timeout and foreign keys."""
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "checkout")
    def _synced(connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")  # whoever had it before may have asked for less
        cursor.close()

    return engine


def is_full(error: DatabaseError) -> bool:
    """Whether a database error means that there is no space (SQLite tells a file-size limit as an I/O error)."""
    return "full" in str(error.orig) or "disk I/O" in str(error.orig)


def migrate(engine: Engine, name: str) -> None:
    """Bring the schema to this version's.

    Args:
        engine: an open engine.
        name: what to call the database in errors, usually its file.

    Raises:
        SeglensError: not a database of ours, or one from a newer version, or no space; nothing is changed.
    """
    try:
        with engine.begin() as connection:
            _upgrade(connection, name)
    except DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise SeglensError(f"{name}: not a seglens database: {error.orig}") from None
        if is_full(error):
            raise no_space(Path(name)) from None
        raise


def _upgrade(connection: Connection, name: str) -> None:
    from alembic import command  # the import costs more than opening the database
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    tables = inspect(connection).get_table_names()
    current = None
    if "alembic_version" in tables:
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    elif tables:
        raise SeglensError(f"{name}: a database, but not of a seglens run (found tables {', '.join(sorted(tables))})")
    known = [revision.revision for revision in script.walk_revisions()]
    if current is not None and current not in known:
        raise SeglensError(
            f"{name}: the database has schema {current}, made by a newer version of seglens; this one knows up to "
            f"{script.get_current_head()}. Upgrade seglens; nothing was changed."
        )
    if current != script.get_current_head():
        command.upgrade(config, "head")
