"""``seglens explain`` as a user types it, for a run whose score explains nothing by itself, and for its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import start, tiny
from typer.testing import CliRunner

from seglens.cli import app
from seglens.data import open_data
from seglens.loop import create, load_config
from seglens.types import SeglensError


def told(*words: str | Path) -> list[dict[str, Any]]:
    """What ``explain --json`` prints last."""
    result = CliRunner().invoke(app, ["explain", *map(str, words), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])["explanations"]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    start(folder / "run", tiny(folder, rounds=2))
    return folder / "run"


def test_an_id_and_a_file_of_a_run(run: Path, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)).save(tmp_path / "mine.jpg")
    id = open_data(load_config(run).data).ids[1]
    found = told(run, id, tmp_path / "mine.jpg", "--out", tmp_path / "out", "--set", "cut.candidates=3")
    assert [one["image"] for one in found] == [id, "mine"]
    for one in found:
        with Image.open(one["figure"]) as figure:
            assert figure.size[0] > 1500
        beside = json.loads(Path(one["file"]).read_text(encoding="utf-8"))
        assert beside == {key: value for key, value in one.items() if key not in ("figure", "file")}
        assert one["model"] == "run, model of round 1"
        assert one["weights"] == {"pae": 0.5, "ebu": 0.5}
        assert 1 <= len(one["candidates"]) <= 3
        assert one["depth"]["source"] == "ground"
    assert found[1]["size"] == [60, 90]
    assert told(run, id, "--round", "0", "--out", tmp_path / "old")[0]["model"] == "run, model of round 0"


def test_a_checkpoint_says_the_same_of_the_same_pixels(run: Path, tmp_path: Path) -> None:
    data = open_data(load_config(run).data)
    Image.fromarray(data.image(data.ids[0])).save(tmp_path / "same.png")
    model = run / "rounds" / "001" / "model.pt"
    (alone,) = told(model, tmp_path / "same.png", "--depth", "ramp", "--out", tmp_path / "a")
    (inside,) = told(run, tmp_path / "same.png", "--depth", "ramp", "--out", tmp_path / "b")
    assert alone["model"] == "model.pt"
    for key in ("classes", "mean", "candidates", "threshold"):
        assert alone[key] == inside[key]
    assert alone["depth"]["source"] == "ramp"
    assert "prior" in alone["depth"]["about"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.png"], "image 'nowhere.png': no such file, and no image of the run, which has 6"),
        (["ID", "--round", "5"], "no model of round 5; there are models of rounds 0, 1"),
        (["ID", "--set", "score.layer=stride-7"], "stride-7"),
        (["ID", "--set", "train.steps=1"], "takes settings of score, cut, depth"),
        (["ID", "--depth", "sonar"], "unknown name 'sonar'"),
        (["ID", "--depth", "files"], "depth"),
        (["ID", "ID"], "given twice"),
    ],
)
def test_what_cannot_work_is_one_error(run: Path, tmp_path: Path, words: list[str], said: str) -> None:
    id = open_data(load_config(run).data).ids[0]
    with pytest.raises(SeglensError, match=said):
        told(run, *(id if word == "ID" else word for word in words), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sources_without_a_model_are_refused(run: Path, tmp_path: Path) -> None:
    create(tmp_path / "new", tiny(tmp_path, rounds=1))
    with pytest.raises(SeglensError, match="no trained model in it yet"):
        told(tmp_path / "new", "x")
    with pytest.raises(SeglensError, match="not a run"):
        told(tmp_path, "x")
    with pytest.raises(SeglensError, match="no such file"):
        told(tmp_path / "gone.pt", "x")
    with pytest.raises(SeglensError, match="a checkpoint has no rounds"):
        told(run / "rounds" / "000" / "model.pt", "x", "--round", "0")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(SeglensError, match=r"broken\.png"):
        told(run, tmp_path / "broken.png", "--out", tmp_path / "out")
