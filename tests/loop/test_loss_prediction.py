"""A run that looks only at the images whose loss is predicted to be the highest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import contents, die_at_commit, die_at_report, finish, resume, start, tiny

from seglens.loop import create
from seglens.loop.workbench import Workbench
from seglens.models import LossHead, load_checkpoint, load_image, load_member
from seglens.store import Repository
from seglens.types import SeglensError

NARROWED: dict[str, Any] = {
    "rounds": 2,
    "eval_data": None,
    "narrow": [{"name": "loss-prediction", "images": 3}],
    "companions": ["loss-head"],
    "train": {"rhythm": "interactive", "steps": 6, "batch": 3, "checkpoint_steps": 2},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run driven to its end."""
    folder = tmp_path_factory.mktemp("narrowed")
    assert finish(start, folder / "run", tiny(folder, **NARROWED)) == 0
    return folder / "run"


def narrowed(run: Path, round: int) -> list[str]:
    found: list[str] = json.loads((run / "rounds" / f"{round:03d}" / "narrow.json").read_text())
    return found


def test_it_asks_only_about_the_images_of_the_highest_predicted_loss(run: Path) -> None:
    repo = Repository.of_run(run)
    asked = {query.image for query in repo.queries() if query.round == 1}
    repo.close()
    bench = Workbench(tiny(run.parent, **NARROWED), run)
    assert narrowed(run, 0) == list(bench.pool)
    net, head = load_checkpoint(run / "rounds/000/model.pt").eval(), load_member(run / "rounds/000/loss-head.pt").eval()
    assert isinstance(head, LossHead)
    images = torch.stack([load_image(bench.data, id, (64, 96)) for id in bench.pool])
    with torch.no_grad():
        said = head(net.encode(images, stages=True)["stages"].flatten(1))[:, 0].numpy()
    kept = {bench.pool[place] for place in np.argsort(-said)[:3]}
    assert set(narrowed(run, 1)) == kept
    assert asked
    assert asked <= kept


def test_the_models_training_is_the_same_without_it(run: Path, tmp_path: Path) -> None:
    """Round 0, before anything is narrowed: same questions, same model."""
    config = tiny(tmp_path, **NARROWED | {"narrow": [], "companions": [], "rounds": 1})
    assert finish(start, tmp_path / "run", config) == 0
    one, two = (load_checkpoint(each / "rounds/000/model.pt").state_dict() for each in (run, tmp_path / "run"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not (tmp_path / "run" / "rounds" / "000" / "loss-head.pt").exists()


def test_killed_it_resumes_to_the_same_head_and_the_same_images(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    assert finish(die_at_report, again, tiny(tmp_path, **NARROWED), "training", 5) == -9
    assert (again / "rounds" / "000" / "training.pt").exists()
    for stage in ("narrow", "train"):
        assert finish(die_at_commit, again, 1, stage) == -9
    assert finish(resume, again) == 0
    assert contents(again) == contents(run)
    for name in ("rounds/001/narrow.json", "rounds/000/loss-head.pt", "rounds/001/loss-head.pt"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


def test_it_works_where_everything_is_trained(tmp_path: Path) -> None:
    train = {"rhythm": "finetune", "steps": 3, "batch": 3}
    assert finish(start, tmp_path / "run", tiny(tmp_path, **NARROWED | {"train": train})) == 0
    assert len(narrowed(tmp_path / "run", 1)) == 3
    assert (tmp_path / "run" / "rounds" / "001" / "loss-head.pt").exists()


@pytest.mark.parametrize("name", ["random-subset", "loss-prediction", "core-set", "top-by-score"])
def test_a_subset_larger_than_the_pool_makes_no_run(tmp_path: Path, name: str) -> None:
    changes = NARROWED | {"narrow": [{"name": name, "images": 7}]}
    with pytest.raises(
        SeglensError, match=rf"narrow '{name}': key 'images', found 7, but the pool has 6\. Allowed: 1 to 6"
    ):
        create(tmp_path / "run", tiny(tmp_path, **changes))
    assert not (tmp_path / "run").exists()
    create(tmp_path / "run", tiny(tmp_path, **changes | {"narrow": [{"name": name, "images": 6}]}))


def test_it_needs_its_companion(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="companions: 'narrow: loss-prediction' reads what 'loss-head' leaves"):
        create(tmp_path / "run", tiny(tmp_path, **NARROWED | {"companions": []}))
    assert not (tmp_path / "run").exists()


def test_the_other_narrowings_run_one_after_the_other(tmp_path: Path) -> None:
    parts = [{"name": "random-subset", "images": 5}, {"name": "core-set", "images": 4}]
    parts += [{"name": "top-by-score", "fraction": 0.5, "score": "margin"}]
    assert finish(start, tmp_path / "run", tiny(tmp_path, **NARROWED | {"narrow": parts, "companions": []})) == 0
    kept = narrowed(tmp_path / "run", 1)
    assert len(kept) == 2
    repo = Repository.of_run(tmp_path / "run")
    assert {query.image for query in repo.queries() if query.round == 1} <= set(kept)
    repo.close()
