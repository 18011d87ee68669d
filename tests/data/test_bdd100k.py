"""BDD100K's layout: ids, groups and masks, on a tiny copy of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import CITYSCAPES, open_data, open_labels
from seglens.data.bdd100k import picture_path
from seglens.data.check import check, guess
from seglens.data.errors import MaskSizeError, UnknownClassError
from seglens.types import IGNORE, SeglensError

FRAMES = ("train/0004a4c0-d4dff0ad", "train/00054602-3bf57337", "train/00054602-7d06fefd", "val/7d06fefd-f7be05a6")
TEST = "test/ac517380-00000000"
MASK = np.array([*range(19), 255, 255], np.uint8).reshape(3, 7)


def _part(root: Path, **more: object) -> PartConfig:
    return PartConfig.model_validate({"name": "bdd100k", "root": root, **more})


def _write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for id in (*FRAMES, TEST):
        _write(tmp_path / f"images/10k/{id}.jpg", np.full((3, 7, 3), 90, np.uint8))
        if id != TEST:
            _write(tmp_path / f"labels/sem_seg/masks/{id}.png", MASK)
            _write(tmp_path / f"labels/sem_seg/colormaps/{id}.png", np.zeros((3, 7, 3), np.uint8))
    return tmp_path


def test_ids_groups_and_classes(small: Path) -> None:
    data = open_data(_part(small))
    assert data.ids == FRAMES[:3]
    assert [data.item(id).group for id in data.ids] == ["0004a4c0", "00054602", "00054602"]
    assert data.item(data.ids[0]).size == (3, 7)
    assert data.item(data.ids[0]).depth is None
    assert data.image(data.ids[0]).shape == (3, 7, 3)
    assert data.classes == CITYSCAPES
    assert open_data(_part(small, splits=["val", "train"])).ids == (FRAMES[3], *FRAMES[:3])


def test_masks_are_class_indices(small: Path) -> None:
    labels = open_labels(_part(small, splits=["train", "test"]))
    label = labels.label(FRAMES[0])
    assert label.dtype == np.uint8
    assert label.ravel().tolist() == [*range(19), IGNORE, IGNORE]
    assert [labels.has(id) for id in (*FRAMES[:3], TEST)] == [True, True, True, False]
    picture_path(small, FRAMES[1], "masks").unlink()
    assert not open_labels(_part(small)).has(FRAMES[1])


def test_videos_are_kept_or_left_out(small: Path) -> None:
    assert open_data(_part(small, include="00054602")).ids == FRAMES[1:3]
    assert open_data(_part(small, exclude=["00054602"])).ids == FRAMES[:1]
    assert open_data(_part(small, splits="val")).ids == FRAMES[3:]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"include": ["ffff"]}, "data 'bdd100k': unknown video 'ffff'. Allowed: 0004a4c0, 00054602"),
        ({"exclude": ["0004a4c0", "00054602"]}, "no image in train"),
        ({"splits": ["foggy"]}, "key 'splits.0', found 'foggy'"),
        ({"splits": []}, "key 'splits'"),
        ({"split": "val"}, "unknown key 'split'; did you mean 'splits'"),
    ],
)
def test_a_bad_choice_is_refused(small: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(small, **more))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match=r"10k/val: no such folder; bdd100k expects images/10k/val and labels"):
        open_data(_part(tmp_path, splits="val"))


@pytest.mark.parametrize("name", ["nodash", "-frame", "video-"])
def test_a_strange_name_is_refused(small: Path, name: str) -> None:
    _write(small / f"images/10k/train/{name}.jpg", np.zeros((3, 7, 3), np.uint8))
    with pytest.raises(SeglensError, match=rf"{name}\.jpg: expected VIDEO-FRAME\.jpg"):
        open_data(_part(small))


def test_an_error_does_not_list_thousands_of_videos(small: Path) -> None:
    for n in range(30):
        _write(small / f"images/10k/train/{n:08d}-00000000.jpg", np.zeros((3, 7, 3), np.uint8))
    with pytest.raises(SeglensError, match=r"00000019 and 12 more$"):
        open_data(_part(small, include="x"))


def test_bad_masks(small: Path) -> None:
    labels, path = open_labels(_part(small)), picture_path(small, FRAMES[0], "masks")
    _write(path, np.full((3, 7), 19, np.uint8))
    with pytest.raises(UnknownClassError, match=r"class ids 19; allowed are 0 to 18, and 255 for void"):
        labels.label(FRAMES[0])
    _write(path, np.zeros((7, 3), np.uint8))
    with pytest.raises(MaskSizeError):
        labels.label(FRAMES[0])


def test_the_check_guesses_the_layout(small: Path) -> None:
    part = guess(small)
    assert (part.name, part.params()["splits"]) == ("bdd100k", ["train", "val"])
    assert guess(small, "bdd100k") == part
    result = check(open_data(part), open_labels(part))
    assert result["ok"]
    assert (result["images"], result["labelled"]) == (4, 4)
    assert all(row["pixels"] == 4 for row in result["classes"])
    assert result["groups"] == {"0004a4c0": 1, "00054602": 2, "7d06fefd": 1}
