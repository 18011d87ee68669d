"""Which model, which parts and which image an explanation is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig, RunConfig
from seglens.loop import load_config
from seglens.report.lens import explaining, find_image, of_checkpoint, of_run
from seglens.types import SeglensError


def test_a_runs_own_parts_are_kept_where_they_explain() -> None:
    own = RunConfig(
        score=PartConfig(name="explainable-error", layer="trunk"),
        cut=PartConfig(name="object", level="pixel", segments=99),
    )
    found = explaining(own)
    assert found.score.params() == {"layer": "trunk"}
    assert found.cut.params() == {"level": "object", "segments": 99}
    other = explaining(RunConfig(score=PartConfig(name="entropy"), cut=PartConfig(name="grid", rows=3)))
    assert (other.score, other.cut.name) == (PartConfig(name="explainable-error"), "object")
    assert "rows" not in other.cut.params()


def test_settings_change_the_parts() -> None:
    found = explaining(RunConfig(), "ramp", ["score.layer=trunk", "score.patches=[2, 3]", "cut.candidates=2"])
    assert found.depth == PartConfig(name="ramp")
    assert found.score.params() == {"layer": "trunk", "patches": [2, 3]}
    assert found.cut.params()["candidates"] == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["train.steps=3"], "takes settings of score, cut, depth"),
        (["score=entropy"], "score: only 'explainable-error' explains, found 'entropy'"),
        (["cut=grid"], "cut: only 'object' explains, found 'grid'"),
        (["score.layer"], "expected key=value"),
    ],
)
def test_other_settings_are_refused(settings: list[str], said: str) -> None:
    with pytest.raises(SeglensError, match=said):
        explaining(RunConfig(), None, settings)


@pytest.mark.parametrize(
    ("settings", "depth", "said"),
    [
        (["score.layer=stride-3"], None, "stride-3"),
        (["score.lair=trunk"], None, "unknown key 'lair'; did you mean 'layer'"),
        ([], "grounds", "unknown name 'grounds'; did you mean 'ground'"),
        ([], "files", "depth"),
    ],
)
def test_what_cannot_work_is_said(explained: Path, settings: list[str], depth: str | None, said: str) -> None:
    lens = of_run(explained, load_config(explained), None, depth, settings)
    with pytest.raises(SeglensError, match=said):
        lens.explain(lens.known[0], lens.known[0].ids[0])


def test_the_round_decides_the_model_and_the_weights(explained: Path) -> None:
    config = load_config(explained)
    latest, first = of_run(explained, config), of_run(explained, config, 0)
    assert latest.model.endswith("model of round 2")
    assert first.model.endswith("model of round 0")
    assert any((a != b).any() for a, b in zip(latest.net.parameters(), first.net.parameters(), strict=True))
    assert first.weighing.startswith("equal")  # round 1 had no earlier prediction to learn from
    assert of_run(explained, config, 1).learnt == latest.learnt
    with pytest.raises(SeglensError, match="no model of round 7; there are models of rounds 0, 1, 2"):
        of_run(explained, config, 7)


def test_a_run_without_a_model_explains_nothing(explained: Path, tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="no trained model in it yet"):
        of_run(tmp_path, load_config(explained))


def test_images_by_id_and_by_path(explained: Path, tmp_path: Path) -> None:
    lens = of_run(explained, load_config(explained))
    pool, evaluation = lens.known
    assert find_image(pool.ids[2], lens) == (pool, pool.ids[2])
    assert find_image(evaluation.ids[0], lens) == (evaluation, evaluation.ids[0])
    path = tmp_path / "a b.png"
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(path)
    data, id = find_image(str(path), lens)
    assert (id, data.item(id).size, data.classes) == ("a b", (40, 50), lens.net.classes)
    with pytest.raises(SeglensError, match=r"image 'nowhere': no such file, and no image of the run, which has 6"):
        find_image("nowhere", lens)


def test_a_checkpoint_explains_any_file(explained: Path, tmp_path: Path) -> None:
    lens = of_checkpoint(explained / "rounds" / "001" / "model.pt", "ramp", ["cut.segments=20"])
    assert lens.known == []
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 55, 3), np.uint8)).save(tmp_path / "x.png")
    found = lens.explain(*find_image(str(tmp_path / "x.png"), lens))
    assert (found.picture.shape[:2], found.prediction.shape, found.regions.shape) == ((70, 55), (64, 96), (70, 55))
    assert found.depth.name == "ramp"
    with pytest.raises(SeglensError, match=r"image 'nowhere': no such file$"):
        find_image("nowhere", lens)
