"""Runs whose trainings two processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny

from seglens.loop import State, create, drive
from seglens.loop.devices import LOG
from seglens.store import Repository
from seglens.store.lock import driver_lock
from seglens.types import SeglensError

EXACT = {"steps": 6, "batch": 5, "checkpoint_steps": 2, "precision": "float32"}
KINDS: dict[str, dict[str, Any]] = {
    "interactive": {
        "train": {"rhythm": "interactive", **EXACT},
        "companions": [{"name": "mean-teacher", "mix": True}, "consistency", "loss-head"],
    },
    "finetune": {  # sgd: AdamW takes a full step where a gradient is all rounding
        "model": {"name": "unet", "size": [64, 96]},
        "train": {"rhythm": "finetune", "optimiser": "sgd", "lr": 1e-2, "encoder_lr": 1e-3, **EXACT},
    },
}


def driven(folder: Path, **changes: Any) -> tuple[Path, list[str]]:
    """A run, and what it asked."""
    run = folder / "run"
    folder.mkdir()
    create(run, tiny(folder, rounds=2, **changes))
    assert drive(run).state is State.FINISHED
    repo = Repository.of_run(run)
    asked = sorted(query.id for query in repo.queries(0))
    repo.close()
    return run, asked


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_end_with_what_one_has(tmp_path: Path, kind: str) -> None:
    one, asked = driven(tmp_path / "one", **KINDS[kind])
    two, asked_too = driven(tmp_path / "two", devices=2, **KINDS[kind])
    assert asked_too == asked  # of round 0; later ones go by networks that differ in the last bits
    for name in sorted(path.relative_to(one) for path in one.glob("rounds/*/*.pt")):
        a, b = (torch.load(run / name, weights_only=True) for run in (one, two))
        assert a["weights"].keys() == b["weights"].keys()
        for key, value in a["weights"].items():
            torch.testing.assert_close(b["weights"][key], value, rtol=1e-3, atol=1e-4, msg=f"{name} {key}")


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    run = tmp_path / "run"
    create(run, tiny(tmp_path, rounds=1, devices=2))
    with driver_lock(run), pytest.raises(SeglensError, match=r"another process \(pid \d+\) drives this run"):
        drive(run)
    assert not (run / LOG).exists()
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("images: 6", "images: 7"))
    with pytest.raises(SeglensError, match=r"devices: a process ended early \(.*the pool is not the one"):
        drive(run)
    assert (run / LOG).exists()


def test_what_cannot_be_shared_or_started_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"devices: 1 x 5 .* share a step of train.batch = 4 images"):
        create(tmp_path / "run", tiny(tmp_path, devices=5))
    assert not (tmp_path / "run").exists()
    create(tmp_path / "run", tiny(tmp_path, devices=2, nodes=2))
    with pytest.raises(
        SeglensError, match=r"nodes: 2; start this .* torchrun --nnodes 2 --nproc-per-node 2 .* --resume"
    ):
        drive(tmp_path / "run")
