"""What the last audit of a run found, kept in its folder for the report and for reviewers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seglens.files import write_bytes

if TYPE_CHECKING:
    from seglens.loop.audit import Audit

NAME = "audit.json"


def keep(run: Path, audit: Audit, names: Sequence[str], most: int) -> None:
    """Leave the most suspicious answers in the run's folder."""
    told = {
        "at": audit.at.isoformat(),
        "answers": len(audit.parts),
        "folds": audit.folds,
        "doubted": audit.rows(names, most),
    }
    write_bytes(run / NAME, (json.dumps(told, indent=1) + "\n").encode())


def kept(run: Path) -> dict[str, Any] | None:
    """What ``keep`` left; None where nobody has audited the run."""
    try:
        told: dict[str, Any] = json.loads((run / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return told
