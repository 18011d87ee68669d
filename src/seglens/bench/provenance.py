"""What stands beside every figure: the commit, the versions and the machine it was measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

import seglens

SOURCE = Path(seglens.__file__).resolve().parent


def commit(source: Path = SOURCE) -> str | None:
    """The commit of the package's source, with a plus where the source differs from it.

    Args:
        source: folder of the package.

    Returns:
        The short hash, or None where the package is not a checkout of its own repository.
    """
    # an installed package may lie inside somebody else's repository: only tracked source has a commit of ours
    if not _git(source, "ls-files", "--", "__init__.py"):
        return None
    return _git(source, "rev-parse", "--short", "HEAD") + (
        "+" if _git(source, "status", "--porcelain", "--", ".") else ""
    )


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


def _git(folder: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # no git on this machine
        return ""
