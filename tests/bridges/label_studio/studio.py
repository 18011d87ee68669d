"""The real Label Studio, in a virtual environment of its own: installed once, started on a fresh copy of its data.

``python tests/bridges/label_studio/studio.py`` installs it: about 1 GB, a few minutes. The tests do so by themselves.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

VERSION = "1.23.2"
ROOT = Path(__file__).resolve().parents[3]
HOME = Path(os.environ.get("SEGLENS_LABEL_STUDIO") or ROOT / ".venv-label-studio")
READY, FAILED, TEMPLATE = HOME / "ready", HOME / "failed", HOME / "template"
EMAIL, PASSWORD = "ana@example.org", "only-for-tests"
LEGACY = "0123456789abcdef0123456789abcdef01234567"
NOT_THERE = ("No matching distribution", "Could not find a version", "Connection", "Temporary failure", "timed out")
"""What pip says where the package cannot be had."""
START_SECONDS, MIGRATE_SECONDS = 120, 600


@dataclass(frozen=True)
class Studio:
    """A server under way: its address, its document root, its folder of data."""

    url: str
    root: Path
    data: Path


def ready() -> bool:
    """Whether this version is installed and its template made."""
    return READY.exists() and READY.read_text() == VERSION


def install() -> None:
    """Install the package and migrate a template; what goes wrong is written to ``FAILED``."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready():
            return
        FAILED.unlink(missing_ok=True)
        python = HOME / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", str(HOME)], [*pip, f"label-studio=={VERSION}"]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                FAILED.write_text(done.stdout[-4000:])
                return
        fresh = HOME / "template.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            with running(fresh, HOME / "unused", MIGRATE_SECONDS):
                pass
        except RuntimeError as error:
            FAILED.write_text(str(error))
            return
        shutil.rmtree(TEMPLATE, ignore_errors=True)
        fresh.rename(TEMPLATE)
        READY.write_text(VERSION)


@contextmanager
def running(data: Path, root: Path, seconds: float) -> Iterator[Studio]:
    """A server on a folder of data, on a free port of the loopback; killed in the end, with all its children."""
    for folder in (data, root):
        folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "BASE_DATA_DIR": data,
        "PORT": port,
        "USERNAME": EMAIL,
        "PASSWORD": PASSWORD,
        "USER_TOKEN": LEGACY,
        "ENABLE_LEGACY_API_TOKEN": "true",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": root,
    }
    told = {"PYTHONUNBUFFERED": "1"}  # the address must reach the log
    quiet = {"COLLECT_ANALYTICS": "0", "LATEST_VERSION_CHECK": "0", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LABEL_STUDIO", "PYTHON"))}
    environment = kept | told | quiet | {f"LABEL_STUDIO_{key}": str(value) for key, value in own.items()}
    log = data / "server.log"
    command = [str(HOME / "bin" / "label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1"]
    with open(log, "w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=data, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield Studio(_address(process, log, seconds), root, data)
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path, seconds: float) -> str:
    """Where the server says it listens (a busy port makes it take the next), once it is healthy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        said = re.search(r"server at (http://127\.0\.0\.1:\d+)/", log.read_text(errors="replace"))
        try:
            if said and httpx.get(f"{said[1]}/health", timeout=10, trust_env=False).is_success:
                return said[1]
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Label Studio did not start within {seconds:g} s:\n{log.read_text(errors='replace')[-3000:]}")


if __name__ == "__main__":
    install()
    sys.exit(0 if ready() else FAILED.read_text())
