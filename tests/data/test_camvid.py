"""CamVid: the real frames where they are, and a tiny copy of the layout everywhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import CAMVID, open_data, open_labels
from seglens.types import IGNORE, SeglensError


def _part(root: Path, **more: object) -> PartConfig:
    return PartConfig.model_validate({"name": "camvid", "root": root, **more})


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for split, names in (("train", ["A_1", "A_2", "B_1"]), ("val", ["B_2"])):
        for folder, size in ((split, (8, 6)), (f"{split}annot", (8, 6))):
            (tmp_path / folder).mkdir()
            for name in names:
                mode, ending = ("RGB", "jpg") if folder == split else ("L", "png")
                Image.new(mode, size, 11 if mode == "L" else 0).save(tmp_path / folder / f"{name}.{ending}")
    return tmp_path


def test_real_counts_and_sequences(shared: Path) -> None:
    root = shared / "data" / "camvid"
    train, val = open_data(_part(root)), open_data(_part(root, split="val"))
    assert (len(train.ids), len(val.ids)) == (367, 101)
    assert Counter(train.item(id).group for id in train.ids) == {"0001TP": 62, "0006R0": 101, "0016E5": 204}
    assert train.ids[0] == "train/0001TP_006690"
    assert train.item(train.ids[0]).size == (360, 480)
    assert len(open_data(_part(root, splits=["train", "val"])).ids) == 468


def test_real_labels(shared: Path) -> None:
    part = _part(shared / "data" / "camvid")
    data, labels = open_data(part), open_labels(part)
    for id in data.ids[::60]:
        raw = np.asarray(Image.open(shared / "data" / "camvid" / "trainannot" / f"{id.partition('/')[2]}.png"))
        label = labels.label(id)
        assert label.shape == data.image(id).shape[:2]
        assert np.array_equal(label == IGNORE, raw == 11)
        assert np.array_equal(label[raw < 11], raw[raw < 11])
    assert data.classes == CAMVID


def test_held_out_sequences(small: Path) -> None:
    assert open_data(_part(small, exclude=["A"])).ids == ("train/B_1",)
    assert open_data(_part(small, include="A")).ids == ("train/A_1", "train/A_2")
    assert open_data(_part(small, splits="val")).ids == ("val/B_2",)


def test_void_is_ignored(small: Path) -> None:
    assert (open_labels(_part(small)).label("train/A_1") == IGNORE).all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"include": ["C"]}, "unknown sequence 'C'. Allowed: A, B"),
        ({"exclude": ["A", "B"]}, "no image in train"),
        ({"splits": ["test"]}, "key 'splits.0', found 'test'"),
        ({"split": "val", "splits": ["train"]}, "unknown key 'split'; did you mean 'splits'"),
    ],
)
def test_a_bad_choice_is_refused(small: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(small, **more))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeglensError, match="train: no such folder; camvid expects"):
        open_data(_part(tmp_path))


def test_a_missing_mask_is_no_error_until_it_is_read(small: Path) -> None:
    (small / "trainannot" / "A_1.png").unlink()
    labels = open_labels(_part(small))
    assert not labels.has("train/A_1")
    assert labels.has("train/A_2")
