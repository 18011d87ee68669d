"""The check finds every fault of a folder, and nothing in a sound one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.data.check import check, format, guess
from seglens.types import SeglensError


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Six images: one sound, one without a mask, and one for each fault; both files of the last are cut."""
    (tmp_path / "classes.yaml").write_text("names: [ground, thing]\nignore: [9]\n")
    mask = np.array([[0, 0, 0, 1, 9]] * 4, np.uint8)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for name in ("sound", "bare", "large", "odd", "cut", "shreds"):
        Image.fromarray(np.full((4, 5, 3), 100, np.uint8)).save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "masks" / "bare.png").unlink()
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "masks" / "large.png")
    Image.fromarray(np.full((4, 5), 7, np.uint8)).save(tmp_path / "masks" / "odd.png")
    for path in ("images/cut.png", "images/shreds.png", "masks/shreds.png"):
        (tmp_path / path).write_bytes((tmp_path / path).read_bytes()[:45])
    return tmp_path


def test_every_fault_is_found_and_named(broken: Path) -> None:
    part = guess(broken)
    steps: list[tuple[int, int]] = []
    result = check(open_data(part), open_labels(part), lambda done, total: steps.append((done, total)))
    assert not result["ok"]
    assert (result["images"], result["labelled"]) == (6, 5)
    assert result["missing_masks"] == {"total": 1, "names": ["bare"]}
    assert result["size_mismatches"]["total"] == 1
    assert "large.png" in result["size_mismatches"]["names"][0]
    assert result["unknown_ids"]["total"] == 1
    assert "odd.png: class ids 7" in result["unknown_ids"]["names"][0]
    unreadable = " ".join(result["unreadable"]["names"])
    assert "images/cut.png" in unreadable
    assert "images/shreds.png" in unreadable
    assert "masks/shreds.png" in unreadable
    assert steps == [(i, 6) for i in range(1, 7)]
    json.dumps(result)


def test_frequencies_count_the_good_masks(broken: Path) -> None:
    for name in ("bare", "large", "odd", "cut", "shreds"):
        (broken / "images" / f"{name}.png").unlink()
    result = check(open_data(guess(broken)), open_labels(guess(broken)))
    assert result["ok"]
    assert [(row["pixels"], row["percent"], row["images"]) for row in result["classes"]] == [
        (12, 75.0, 1),
        (4, 25.0, 1),
    ]
    assert result["void_percent"] == 20.0
    assert result["sizes"] == {"4x5": 1}


def test_the_text_names_counts_and_faults(broken: Path) -> None:
    part = guess(broken)
    text = format(check(open_data(part), open_labels(part)))
    assert "6 images, 5 with a mask" in text
    assert "masks with unknown class ids: 1" in text
    assert "NOT ok" in text


def test_a_pool_without_any_mask_is_ok(broken: Path) -> None:
    (broken / "images" / "cut.png").unlink()
    (broken / "images" / "shreds.png").unlink()
    part = guess(broken / "images")
    assert part.name == "folder"
    result = check(open_data(part), open_labels(part))
    assert result["ok"]
    assert result["missing_masks"]["total"] == 4
    assert "classes" not in format(result)


def test_guessing_knows_the_layouts(tmp_path: Path) -> None:
    assert guess(Path("streets")) == PartConfig(name="streets")
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
    assert guess(tmp_path).name == "camvid"
    assert guess(tmp_path).params()["splits"] == ["train"]
    (tmp_path / "images").mkdir()
    assert guess(tmp_path, "folder").name == "folder"


def test_guessing_refuses_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="no dataset found"):
        guess(tmp_path)
    with pytest.raises(SeglensError, match="no such folder"):
        guess(tmp_path / "none")
    with pytest.raises(
        SeglensError, match=r"layout 'voc' is unknown\. Allowed: bdd100k, camvid, cityscapes, folder, streets"
    ):
        guess(tmp_path, "voc")


def test_real_camvid_is_sound(shared: Path) -> None:
    part = PartConfig.model_validate({"name": "camvid", "root": shared / "data" / "camvid", "splits": "val"})
    result = check(open_data(part), open_labels(part))
    assert result["ok"]
    assert result["groups"] == {"0016E5": 101}
    assert result["missing_masks"]["total"] == 0
    assert sum(row["percent"] for row in result["classes"]) == pytest.approx(100, abs=0.01)
