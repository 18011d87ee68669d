"""``seglens annotate`` in a process of its own, and an HTTP client of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import browsing
import httpx

from seglens.store.lock import driver_of

PAGE = {"X-Seglens": "page", "X-Seglens-Desk": "desk"}


class Server(browsing.Server):
    """A server process; ``with`` starts it and ends it, and any driver that it left."""

    def __init__(self, run: Path, *options: str) -> None:
        super().__init__(run, *options)
        self.client = httpx.Client(base_url=self.url, headers=PAGE, timeout=30)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        driver = driver_of(self.run)
        if driver:
            os.kill(driver, signal.SIGKILL)
        self.client.close()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.client.post(path, json=body or {}, **more)

    def status(self) -> dict[str, Any]:
        return self.get("/api/status").json()
