"""``seglens annotate`` in a process of its own, and an HTTP client of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from seglens.store.lock import driver_of

SOURCE = Path(__file__).resolve().parents[2] / "src"
PAGE = {"X-Seglens": "page", "X-Seglens-Desk": "desk"}


class Server:
    """A server process; ``with`` starts it and ends it, and any driver that it left."""

    def __init__(self, run: Path, *options: str) -> None:
        self.run, self.options = run, options
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=PAGE, timeout=30)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        driver = driver_of(self.run)
        if driver:
            os.kill(driver, signal.SIGKILL)
        self.client.close()

    def start(self) -> Server:
        command = [sys.executable, "-m", "seglens", "annotate", str(self.run), "--port", str(self.port), "--no-open"]
        paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        with open(self.run.parent / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.options], stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": paths}
            )
        until(self._answers, 120, "the server to answer")
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.run.parent / "server.log").read_text()[-3000:]
        try:
            return self.get("/api/me").status_code < 500
        except httpx.TransportError:
            return False

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.client.post(path, json=body or {}, **more)

    def status(self) -> dict[str, Any]:
        return self.get("/api/status").json()


def until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait until something is so."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")
