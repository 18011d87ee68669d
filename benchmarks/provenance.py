"""What stands beside every figure of a script: the commit, the versions and the machine it was measured with."""

from __future__ import annotations

from pathlib import Path

from seglens.bench.provenance import commit, machine

__all__ = ["ROOT", "commit", "machine"]

ROOT = Path(__file__).resolve().parent.parent
