"""Opening a run's database: SQLite in WAL mode or PostgreSQL, migrated to the schema of this version."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from seglens.config import read_yaml
from seglens.files import no_space
from seglens.store.tables import Base, MetaRow
from seglens.types import SeglensError

DATABASE = "seglens.db"
BUSY_SECONDS = 30
ALLOWED = (
    "Allowed: postgresql://USER@HOST/DATABASE, its password in PGPASSWORD or ~/.pgpass, or null for SQLite in the "
    "run's folder"
)
INSTALL = "key 'store.url' needs the extra 'postgres': pip install 'seglens[postgres]'"


class LostError(SeglensError):
    """The database's server is gone, perhaps for a moment."""


def place(run: Path, url: str | None) -> tuple[str, str]:
    """URL of a run's database, and what it is called in errors.

    Args:
        run: its folder.
        url: ``store.url`` of its config.
    """
    return (f"sqlite:///{run / DATABASE}", str(run / DATABASE)) if url is None else (url, f"store.url {url}")


def located(run: Path) -> tuple[str, str]:
    """``place`` of a run that is there.

    Raises:
        SeglensError: no run there.
    """
    config = run / "config.yaml"
    store = read_yaml(config).get("store") if config.exists() and not (run / DATABASE).exists() else None
    url = store.get("url") if isinstance(store, dict) else None
    if url is None and not (run / DATABASE).exists():
        raise SeglensError(f"{run}: not a run (no {DATABASE} in it)")
    return place(run, url)


def check_free(url: str) -> None:
    """Look whether a new run can have the database of ``url``; nothing is changed.

    Raises:
        SeglensError: no URL of a PostgreSQL database, no driver, no answer, or there are tables in it.
    """
    engine = _postgres(url)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            # just ours, and empty: killed while it was made, it never was a run
            ours = {*Base.metadata.tables, "alembic_version"} == set(tables)
            unborn = ours and not connection.scalar(select(func.count()).select_from(MetaRow))
    except OperationalError as error:
        raise _no_answer(f"store.url {url}", error) from None
    finally:
        engine.dispose()
    if tables and not unborn:
        raise SeglensError(
            f"key 'store.url', found '{url}': holds tables already ({', '.join(sorted(tables)[:3])}, ...); allowed: an "
            "empty database, for each run has its own"
        )


def remove(run: Path, url: str | None) -> None:
    """Remove a run's database; of PostgreSQL its tables."""
    for path in run.glob(f"{DATABASE}*"):
        path.unlink()
    if url is None:
        return
    engine = _postgres(url)
    with suppress(OperationalError), engine.begin() as connection:  # a server that is gone: what is there is empty
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    engine.dispose()


def connect(url: str) -> Engine:
    """An engine for ``url``; SQLite gets WAL, a busy timeout and foreign keys.

    Raises:
        SeglensError: neither SQLite nor PostgreSQL, with a password in it, or PostgreSQL's driver is missing.
    """
    if not url.startswith("sqlite:"):
        return _postgres(url)
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


def _postgres(url: str) -> Engine:
    try:
        found = make_url(url)
    except ArgumentError:
        raise SeglensError(f"key 'store.url', found '{url}': no URL of a database. {ALLOWED}") from None
    secret = found.password is not None or "password" in found.query
    if found.get_backend_name() != "postgresql" or secret:
        shown = "a URL with a password, which config.yaml would keep" if secret else f"'{url}', no PostgreSQL"
        raise SeglensError(f"key 'store.url', found {shown}. {ALLOWED}")
    try:
        return create_engine(found.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError:
        raise SeglensError(INSTALL) from None


def _no_answer(name: str, error: OperationalError) -> SeglensError:
    return SeglensError(f"{name}: the database does not answer: {' '.join(str(error.orig).split())}")


def is_lost(error: OperationalError) -> bool:
    """Whether PostgreSQL's server does not answer or has ended the connection; not so of two that were in each other's
    way."""
    orig: Any = error.orig
    state = getattr(orig, "sqlstate", "") if type(orig).__module__.partition(".")[0] == "psycopg" else ""
    return state is None or state[:2] == "08" or state[:3] == "57P"


def lost(name: str, error: OperationalError) -> LostError:
    """The error for a server that went away."""
    return LostError(
        f"{_no_answer(name, error)}. What was committed is there when it is back; go on with --resume then."
    )


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
        if isinstance(error, OperationalError) and engine.dialect.name == "postgresql":
            raise _no_answer(name, error) from None
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
