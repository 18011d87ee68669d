from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy
from tiny import tiny

from seglens.loop import create, drive
from seglens.loop.simulated import class_counts, divergence, simulated_metrics
from seglens.loop.workbench import Workbench
from seglens.report import write_report
from seglens.store import LabelFiles, Metric, Repository
from seglens.types import IGNORE, Provenance, Settled


class Truths:
    """A LabelSource of arrays."""

    def __init__(self, truths: dict[str, Any]) -> None:
        self.truths = truths

    def has(self, id: str) -> bool:
        return id in self.truths

    def label(self, id: str) -> Any:
        return self.truths[id]


def figures(metrics: list[Metric]) -> dict[str, float | None]:
    assert all((m.truth, m.class_index) == ("", -1) for m in metrics)
    return {m.name: m.value for m in metrics}


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_counted_pixel_by_pixel(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files, truths = LabelFiles(tmp_path), {}
    right = known = extended = 0
    labelled = [0, 0, 0, 0]
    for id in ("a/1", "b", "c"):
        truth = rng.choice([0, 1, 2, 3, IGNORE], (9, 11)).astype(np.uint8)
        provenance = rng.integers(0, 5, truth.shape).astype(np.uint8)
        label = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 4, truth.shape)).astype(np.uint8)
        label[(provenance == Provenance.EXTENDED) & (label == IGNORE)] = 2
        label[provenance == Provenance.NONE] = IGNORE
        files.write(id, Settled(label, provenance))
        truths[id] = truth
        for place in np.ndindex(*truth.shape):
            if provenance[place] == Provenance.EXTENDED:
                extended += 1
                known += truth[place] != IGNORE
                right += truth[place] == label[place] and truth[place] != IGNORE
            elif label[place] != IGNORE:
                labelled[label[place]] += 1
    pool = np.array([40, 700, 3, 90])
    found = figures(simulated_metrics(2, files, Truths(truths), pool))
    assert found == {
        "extended_precision": pytest.approx(right / known),
        "extended_coverage": pytest.approx(extended / sum(labelled)),
        "divergence": pytest.approx(entropy(np.array(labelled) + 1, pool + 1)),
    }


def test_without_extended_labels_there_is_only_the_divergence(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    assert simulated_metrics(0, files, Truths({}), np.array([5, 5])) == []
    files.write("a", Settled(np.array([[0, 1, IGNORE]], np.uint8), np.array([[1, 2, 0]], np.uint8)))
    assert figures(simulated_metrics(0, files, Truths({}), np.array([5, 5]))) == {"divergence": pytest.approx(0)}


def test_a_precision_over_void_alone_is_not_known(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    files.write("a", Settled(np.array([[0, 1]], np.uint8), np.array([[1, 3]], np.uint8)))
    found = figures(simulated_metrics(0, files, Truths({"a": np.array([[0, IGNORE]], np.uint8)}), np.array([5, 5])))
    assert (found["extended_precision"], found["extended_coverage"]) == (None, 1.0)


def test_divergence_is_finite_and_grows_with_what_is_missing() -> None:
    pool = np.array([1000, 1000, 10, 0])
    some = [np.array(c) for c in ([990, 990, 10, 0], [990, 990, 0, 0], [1990, 0, 0, 0], [0, 0, 0, 1990])]
    values = [divergence(counts, pool) for counts in some]
    assert np.isfinite(values).all()
    assert 0 <= values[0] < values[1] < values[2] < values[3]


def test_void_is_not_counted() -> None:
    labels = [np.array([[0, 2, IGNORE]], np.uint8), np.array([2], np.uint8)]
    assert class_counts(labels, 3).tolist() == [1, 0, 2]


def test_a_run_that_extends_labels_tells_how_right_they_are(tmp_path: Path) -> None:
    """Dense windows of a grid; attention is believed whatever it says, so that six steps of training extend much."""
    run = tmp_path / "run"
    config = tiny(
        tmp_path,
        rounds=2,
        score="random",
        cut={"name": "grid", "rows": 2, "columns": 3},
        answer="dense",
        pick="top",
        settle={"name": "contextual", "accept": 0.0, "agree": False},
        budget={"unit": "image-equivalents", "initial": 1.5, "per_round": 1},
    )
    create(run, config)
    drive(run)
    repo = Repository.of_run(run)
    first, second = ({m.name: m.value for m in repo.metrics(r) if m.class_index == -1} for r in (0, 1))
    repo.close()
    assert not [name for name in first if name.startswith("extended")]  # no model yet: as answered
    assert first["divergence"] is not None
    files, labels = LabelFiles(run), Workbench(config, run).labels
    assert labels is not None
    extended = {id: files.read(id).provenance == Provenance.EXTENDED for id in files.ids()}
    right = [labels.label(id)[e] == files.read(id).label[e] for id, e in extended.items()]
    known = [labels.label(id)[e] != IGNORE for id, e in extended.items()]
    assert second["extended_precision"] == pytest.approx(np.concatenate(right).sum() / np.concatenate(known).sum())
    assert second["extended_coverage"] == pytest.approx(sum(e.sum() for e in extended.values()) / second["pixels"])
    assert write_report([run], tmp_path / "report.html").exists()
