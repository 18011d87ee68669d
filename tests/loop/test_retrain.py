"""Another training on a run's labels: the same labels and costs, another model, and no other questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import start, tiny

from seglens.config import RunConfig
from seglens.loop import State, create, drive, load_config, model_path, retrain
from seglens.models import load_checkpoint
from seglens.store import Repository
from seglens.types import SeglensError


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    start(folder / "run", tiny(folder, rounds=2))
    return folder / "run"


def figures(run: Path) -> dict[tuple[int, str, str, int], float | None]:
    repo = Repository.of_run(run)
    try:
        return {(m.round, m.name, m.truth, m.class_index): m.value for m in repo.metrics()}
    finally:
        repo.close()


def test_a_wider_network_learns_from_the_same_labels(source: Path, tmp_path: Path) -> None:
    before = load_config(source)
    config = before.model_copy(update={"model": before.model.model_copy(update={"width": 64})})
    new = tmp_path / "new"
    retrain(source, new, config)
    assert not list((new / "rounds").glob("*/model.pt"))
    assert drive(new).state is State.FINISHED
    for kind in ("labels", "provenance"):
        assert {p.name: p.read_bytes() for p in (source / kind).iterdir()} == {
            p.name: p.read_bytes() for p in (new / kind).iterdir()
        }
    assert load_checkpoint(model_path(new, 1)).config.width == 64
    mine, old = figures(new), figures(source)
    assert {key: mine[key] for key in old if key[1] in ("clicks", "pixels")} == {
        key: value for key, value in old.items() if key[1] in ("clicks", "pixels")
    }
    assert [key for key in mine if key[0] == 0 and key[1] == "miou"] == []
    assert mine[1, "miou", "native", -1] is not None
    assert load_config(new).labels_of == before.digest()
    assert load_config(new).digest() not in (before.digest(), config.digest())


def test_the_same_recipe_gives_the_same_model(source: Path, tmp_path: Path) -> None:
    retrain(source, tmp_path / "new", load_config(source))
    drive(tmp_path / "new")
    assert figures(tmp_path / "new")[1, "miou", "native", -1] == figures(source)[1, "miou", "native", -1]


def other_cut(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"cut": config.cut.model_copy(update={"segments": 30})})


def warm(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"restart": "warm"})})


@pytest.mark.parametrize(
    ("change", "words"), [(other_cut, "key 'cut': another than that of"), (warm, "train.restart: warm goes on")]
)
def test_other_questions_or_weights_are_refused(
    source: Path, tmp_path: Path, change: Callable[[RunConfig], RunConfig], words: str
) -> None:
    with pytest.raises(SeglensError, match=words):
        retrain(source, tmp_path / "new", change(load_config(source)))
    assert not (tmp_path / "new").exists()


def test_a_run_in_the_middle_of_a_round_is_refused(tmp_path: Path) -> None:
    config = tiny(tmp_path)
    create(tmp_path / "run", config)
    with pytest.raises(SeglensError, match="in the middle of a round; finish it first"):
        retrain(tmp_path / "run", tmp_path / "new", config)
    assert {path.name for path in (tmp_path / "new").iterdir()} <= {"lock"}


def test_only_retrain_writes_whose_labels_they_are(tmp_path: Path) -> None:
    values: dict[str, Any] = {"labels_of": "0123456789ab"}
    with pytest.raises(SeglensError, match="key 'labels_of': written by `seglens retrain`"):
        create(tmp_path / "run", tiny(tmp_path, **values))
