"""The command, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import tiny
from typer.testing import CliRunner

from seglens import __version__
from seglens.acquisition.presets import preset_names
from seglens.cli import app, demo
from seglens.config import RunConfig, resolve
from seglens.files import read_map
from seglens.types import SeglensError


def said(*words: str | Path) -> str:
    """What a command prints; its error is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: str | Path) -> dict[str, Any]:
    """The JSON object on the last line of what a command prints."""
    found: dict[str, Any] = json.loads(said(*words, "--json").splitlines()[-1])
    return found


def test_a_run_from_config_to_predictions(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(tiny(tmp_path, rounds=3).dump())
    run = tmp_path / "run"
    found = told("run", run, "--config", tmp_path / "config.yaml", "--set", "rounds=2")
    assert found["state"] == "finished"
    assert [row["clicks"] for row in found["rounds"]] == [12, 24]
    assert all(0 <= row["miou"] <= 1 for row in found["rounds"])
    assert told("status", run) == found
    assert sum(found["pool"].values()) == 6
    assert "mIoU" in said("status", run)
    assert f"images: {found['pool']['unlabelled']} unlabelled, " in said("status", run)
    best = told("images", run, "--top", 4)["images"]
    assert [image["score"] for image in best] == sorted((image["score"] for image in best), reverse=True)
    assert best[0]["id"] in said("images", run, "--top", "1")
    drawn = [told("images", run, "--random", 3)["images"] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len({image["id"] for image in drawn[0]}) == 3
    few = told("images", run, "--status", "labelled", "--sequence", best[0]["sequence"])["images"]
    assert {image["sequence"] for image in few} <= {best[0]["sequence"]}
    assert len(told("images", run, "--random", 9, "--status", "unlabelled")["images"]) == found["pool"]["unlabelled"]
    assert "no such image" in said("images", run, "--sequence", "elsewhere")
    assert '"query"' in said("dump", run)
    page = Path(said("report", run).strip())
    assert page.read_text().startswith("<!doctype html>")
    pictures = tmp_path / "new"
    (pictures / "deep").mkdir(parents=True)
    for name, size in (("a", (50, 70)), ("deep/b", (64, 96))):
        pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(pictures / f"{name}.png")
    said("predict", pictures, "--run", run, "--out", tmp_path / "out")
    masks = {path.name: read_map(path).shape for path in (tmp_path / "out" / "masks").iterdir()}
    assert masks == {"a.png": (50, 70), "deep%2Fb.png": (64, 96)}
    assert {path.name for path in (tmp_path / "out" / "pictures").iterdir()} == set(masks)
    with pytest.raises(SeglensError, match="holds a run already"):
        said("run", run)
    with pytest.raises(SeglensError, match="leave --config and --set away"):
        said("run", run, "--resume", "--set", "rounds=9")
    assert told("run", run, "--resume") == found


def test_people_get_questions_and_give_answers(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(tiny(tmp_path, rounds=1, ask="human").dump())
    run = tmp_path / "run"
    found = told("run", run, "--config", tmp_path / "config.yaml")
    assert (found["state"], found["waiting"]) == ("awaiting", 12)
    assert "12 open questions" in said("questions", run, tmp_path / "q.jsonl", "--pictures", tmp_path / "pictures")
    asked = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert all(question["why"] == "first round: spread over images" for question in asked)
    for question in asked:
        top, left, bottom, right = question["box"]
        rows = {start // question["size"][1] for start, _ in question["runs"]}
        assert (min(rows), max(rows)) == (top, bottom - 1)
        assert 0 <= left < right <= question["size"][1]
        assert (tmp_path / "pictures" / f"{question['query']}.png").exists()
    lines = [json.dumps({"query": question["query"], "classes": ["road"]}) for question in asked]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert "12 answers stored, 0 known already, 0 open" in said("answer", run, tmp_path / "a.jsonl")
    assert told("run", run, "--resume")["state"] == "finished"


def test_a_config_error_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"unknown key 'round'; did you mean 'rounds'\?"):
        said("run", tmp_path / "run", "--set", "round=2")
    with pytest.raises(SeglensError, match="preset: unknown name 'defalt'; did you mean 'default'"):
        said("run", tmp_path / "run", "--set", "preset=defalt")
    with pytest.raises(SeglensError, match="no such file"):
        said("run", tmp_path / "run", "--config", tmp_path / "none.yaml")
    assert not (tmp_path / "run").exists()


def test_strategies_lists_every_preset_with_its_choices() -> None:
    found = told("strategies")["presets"]
    assert list(found) == preset_names()
    assert found["default"]["score"] == "pixbal"
    text = said("strategies")
    assert all(name in text for name in preset_names())


def test_the_command_starts_without_what_only_a_training_needs() -> None:
    slow = "torchvision", "timm", "segmentation_models_pytorch", "lightning_fabric", "transformers", "sympy"
    code = f"import sys, seglens.cli, seglens.web.app; print([name for name in {slow} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_version_is_told() -> None:
    assert said("--version").strip() == f"seglens {__version__}"


def test_doctor_tells_what_is_there() -> None:
    found = told("doctor")
    assert "embedded" in found["weights"]["tf_efficientnet_lite0"]
    assert "missing" not in found["packages"].values()
    assert found["device"]["type"] in ("cpu", "cuda")
    assert found["free_gib"]["here"] > 0
    assert "torch" in said("doctor")


def test_data_check_passes_streets_and_fails_broken_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        for folder, shape in (("images", (20, 30, 3)), ("masks", (20, 30))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 2, shape, np.uint8)).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "classes.yaml").write_text("names: [road, car]\n")
    found = told("data", "check", tmp_path)
    assert found["ok"]
    assert (found["images"], found["labelled"]) == (2, 2)
    broken = tmp_path / "images" / "b.png"
    broken.write_bytes(broken.read_bytes()[:60])
    result = CliRunner().invoke(app, ["data", "check", str(tmp_path)])
    assert result.exit_code == 1
    assert "b.png" in result.stdout


def test_superpixels_are_reported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(tiny(tmp_path).dump())
    found = told("data", "superpixels", "--config", tmp_path / "config.yaml")
    assert found["asked"] == 24
    assert 0 < found["miou_ceiling"] <= found["achievable_accuracy"] <= 1


def test_the_demo_prints_what_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = demo.demo_config

    def small(preset: str, seed: int) -> RunConfig:
        values = config(preset, seed).model_dump(mode="json")
        values |= {
            "data": values["data"] | {"images": 6, "size": [64, 96]},
            "eval_data": values["eval_data"] | {"images": 2, "size": [64, 96]},
            "model": values["model"] | {"size": [64, 96]},
            "cut": {"name": "superpixel", "segments": 24},
            "train": values["train"] | {"steps": 3},
            "budget": values["budget"] | {"initial": 6, "per_round": 6},
            "cache": {"dir": str(tmp_path / "cache")},
        }
        return resolve(values, {}, "demo")

    monkeypatch.setattr(demo, "demo_config", small)
    found = told("demo", "--out", tmp_path / "demo")
    assert [preset["name"] for preset in found["presets"]] == ["default", "random-superpixel"]
    for preset in found["presets"]:
        assert [row["clicks"] for row in preset["rounds"]] == [6, 12, 18, 24]
        assert all(set(row) == {"clicks", "pixels", "miou"} for row in preset["rounds"])
    assert Path(found["report"]).exists()
    assert found["presets"][0]["rounds"][0] == found["presets"][1]["rounds"][0]  # the same round 0
    told("demo", "--out", tmp_path / "demo")  # again: the old demo makes way
    (tmp_path / "mine" / "default").mkdir(parents=True)
    (tmp_path / "mine" / "default" / "precious.txt").touch()
    with pytest.raises(SeglensError, match="is no demo run"):
        said("demo", "--out", tmp_path / "mine")
    assert (tmp_path / "mine" / "default" / "precious.txt").exists()
