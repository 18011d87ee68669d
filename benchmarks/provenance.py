"""What stands beside every figure of a script, the commit, the versions and the machine, and how figures are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seglens.bench.provenance import commit, machine

__all__ = ["ROOT", "commit", "machine", "print_figures"]

ROOT = Path(__file__).resolve().parent.parent


def print_figures(figures: dict[str, Any], out: Path | None) -> None:
    """Print the figures as one JSON object, the script's last line, and write them to ``out`` where it is given."""
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
