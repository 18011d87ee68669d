"""What stands beside every figure: the commit, the versions and the machine it was measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

import seglens

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """The commit measured; a plus where the source differs from it."""
    return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "--", "src") else "")


def machine() -> dict[str, Any]:
    """Versions and hardware."""
    return {
        "seglens": seglens.__version__,
        "torch": torch.__version__,
        "hardware": {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
    }


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
