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
