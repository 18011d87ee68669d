"""Fixtures for every room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data, beside the repository or where SEGLENS_SHARED says; skips where it is absent."""
    folder = Path(os.environ.get("SEGLENS_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data" / "camvid" / "train").is_dir():
        pytest.skip("no shared data here (set SEGLENS_SHARED to a folder that holds data/camvid)")
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (``-n 2 --dist loadgroup``) a file stays in one process, and so do all that share a server."""
    for item in items:
        shared = "label_studio" if item.get_closest_marker("label_studio") else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(shared))
