"""Debian's PostgreSQL server, in a folder of its own and on a Unix socket alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NOBODY = "nobody"
"""Who runs the server where we are root, as whom it refuses to run."""


class NoServerError(Exception):
    """There is no PostgreSQL server here, and why."""


class Server:
    """A running server.

    Args:
        programs: folder of PostgreSQL's programs.
        folder: with its socket.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.made = programs, folder, 0
        self.user = NOBODY if os.getuid() == 0 else None

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the server's data."""
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=self.folder, user=self.user, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start it, or start it again."""
        options = f"-k {self.folder} -c listen_addresses=''"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a failing machine does."""
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")

    def database(self) -> str:
        """URL of a new database, empty."""
        self.made += 1
        name = f"run{self.made}"
        subprocess.run([self.programs / "createdb", "-h", self.folder, "-U", "seglens", name], check=True)
        return f"postgresql://seglens@/{name}?host={self.folder}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server of ours for a while.

    Raises:
        NoServerError: Debian's package ``postgresql`` or the extra ``postgres`` is not there.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise NoServerError("no PostgreSQL server here (apt-get install postgresql)")
    if find_spec("psycopg") is None:
        raise NoServerError("no psycopg here (pip install 'seglens[postgres]')")
    programs = found[-1].parent if found else Path(str(on_path)).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="seglens-pg-"))
    server = Server(programs, folder)
    try:
        if server.user is not None:
            shutil.chown(folder, server.user)
        server.run("initdb", "-U", "seglens", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
