"""What is refused before a run is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

from seglens.loop import create
from seglens.types import SeglensError


@pytest.mark.parametrize(("score", "need"), [("vote-entropy", "votes"), ("mc-entropy", "sampled")])
def test_passes_of_a_network_without_dropout_are_refused(tmp_path: Path, score: str, need: str) -> None:
    values: dict[str, Any] = {"score": score, "pick": "top"}
    without = tiny(tmp_path, **values, model={"size": [32, 64], "width": 32, "dropout": 0})
    with pytest.raises(SeglensError, match=rf"model\.dropout: found 0, allowed: above 0 and below 1, .*'{need}'"):
        create(tmp_path / "run", without)
    assert not (tmp_path / "run").exists()
    create(tmp_path / "run", tiny(tmp_path, **values))


def test_zero_passes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"passes.*found 0"):
        create(tmp_path / "run", tiny(tmp_path, score={"name": "vote-entropy", "passes": 0}))
