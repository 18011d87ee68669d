"""Runs whose questions follow the prediction, and whose answers grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from seglens.functional.run_lengths import decode
from seglens.loop import State, create, drive
from seglens.store import LabelFiles, Repository
from seglens.types import Provenance

UNITS: dict[str, dict[str, Any]] = {
    "adaptive": {
        "score": {"name": "random", "classes": True},
        "cut": {"name": "adaptive-superpixel", "segments": 12, "fine": 48},
    },
    "merged": {
        "score": {"name": "bvsb", "balance": "pixels"},
        "cut": {"name": "merged-superpixel", "segments": 48},
        "pick": "top",
    },
    "points": {
        "score": {"name": "one-vs-rest", "aggregate": "top"},
        "cut": {"name": "pixel", "candidates": 10},
        "answer": "point",
        "settle": {"name": "grown", "segments": 48, "accept": 0.3},
    },
}


@pytest.mark.parametrize("unit", list(UNITS))
def test_what_was_asked_is_not_asked_again_whatever_the_regions_of_a_round(tmp_path: Path, unit: str) -> None:
    create(tmp_path / "run", tiny(tmp_path, rounds=2, **UNITS[unit]))
    assert drive(tmp_path / "run").state is State.FINISHED
    repo = Repository.of_run(tmp_path / "run")
    answered = repo.answered()
    metrics = {metric.name for metric in repo.metrics()}
    repo.close()
    assert [sum(pair.query.round == round for pair in answered) for round in range(2)] == [12, 12]
    asked: dict[str, Any] = {}
    for pair in answered:
        mask = decode(pair.query.region.runs, pair.query.region.size)
        assert not (asked.get(pair.query.image, False) & mask).any()
        asked[pair.query.image] = asked.get(pair.query.image, False) | mask
    files = LabelFiles(tmp_path / "run")
    extended = [id for id in files.ids() if (files.read(id).provenance == Provenance.EXTENDED).any()]
    assert bool(extended) == (unit == "points") == ("extended_precision" in metrics)
    for id in extended:
        said = (files.read(id).provenance == Provenance.SIMULATED) & np.asarray(asked[id])
        assert said.any()
