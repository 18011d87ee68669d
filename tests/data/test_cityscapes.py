"""Cityscapes' layout: ids, groups, classes and depth, on a tiny copy of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cityscapesscripts.helpers.labels import labels as known
from PIL import Image

from seglens.config import PartConfig
from seglens.data import CITYSCAPES, open_data, open_labels
from seglens.data.check import check, guess
from seglens.data.cityscapes import LABEL_IDS, VOID_IDS
from seglens.data.errors import MaskSizeError, UnknownClassError
from seglens.types import IGNORE, SeglensError

FRAMES = ("train/ulm_000000_000019", "train/ulm_000001_000019", "train/bonn_000003_000019", "val/jena_000000_000019")


def _part(root: Path, **more: object) -> PartConfig:
    return PartConfig.model_validate({"name": "cityscapes", "root": root, **more})


def _write(root: Path, folder: str, id: str, ending: str, pixels: np.ndarray) -> Path:
    split, _, name = id.partition("/")
    path = root / folder / split / name.split("_")[0] / f"{name}_{ending}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _mask(root: Path, id: str, pixels: np.ndarray) -> Path:
    return _write(root, "gtFine", id, "gtFine_labelIds", pixels)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    every = np.array([*range(34), 255], np.uint8).reshape(5, 7)
    for id in FRAMES:
        _write(tmp_path, "leftImg8bit", id, "leftImg8bit", np.full((5, 7, 3), 90, np.uint8))
        _mask(tmp_path, id, every)
        _write(tmp_path, "gtFine", id, "gtFine_instanceIds", every)
    _write(tmp_path, "disparity", FRAMES[0], "disparity", np.full((5, 7), 300, np.uint16))
    return tmp_path


def test_ids_groups_and_depth(small: Path) -> None:
    data = open_data(_part(small))
    assert data.ids == ("train/bonn_000003_000019", "train/ulm_000000_000019", "train/ulm_000001_000019")
    assert [data.item(id).group for id in data.ids] == ["bonn_000003", "ulm_000000", "ulm_000001"]
    assert data.item(data.ids[0]).size == (5, 7)
    depth = small / "disparity/train/ulm/ulm_000000_000019_disparity.png"
    assert [data.item(id).depth for id in data.ids] == [None, depth, None]
    assert data.image(data.ids[0]).shape == (5, 7, 3)
    assert data.classes == CITYSCAPES
    assert open_data(_part(small, splits=["val", "train"])).ids == (FRAMES[3], *data.ids)


def test_the_classes_are_those_of_the_official_table(small: Path) -> None:
    label = open_labels(_part(small)).label(FRAMES[0]).ravel()
    assert label.dtype == np.uint8
    official = {entry.id: entry for entry in known if entry.id >= 0}
    assert label[:34].tolist() == [official[id].trainId for id in range(34)]
    assert label[34] == IGNORE
    assert [official[id].name for id in LABEL_IDS] == list(CITYSCAPES.names)
    assert [official[id].color for id in LABEL_IDS] == list(CITYSCAPES.colors)
    assert sorted((*LABEL_IDS, *VOID_IDS)) == sorted(official)


def test_cities_are_kept_or_left_out(small: Path) -> None:
    assert open_data(_part(small, include="ulm")).ids == FRAMES[:2]
    assert open_data(_part(small, exclude=["ulm"])).ids == FRAMES[2:3]
    assert open_data(_part(small, splits="val")).ids == FRAMES[3:]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"include": ["rome"]}, "unknown city 'rome'. Allowed: bonn, ulm"),
        ({"exclude": ["bonn", "ulm"]}, "no image in train"),
        ({"splits": ["test"]}, r"leftImg8bit/test: no such folder; cityscapes expects"),
        ({"splits": ["foggy"]}, "key 'splits.0', found 'foggy'"),
    ],
)
def test_a_bad_choice_is_refused(small: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(small, **more))


def test_a_strange_name_is_refused(small: Path) -> None:
    _write(small, "leftImg8bit", "train/ulm_7", "leftImg8bit", np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(SeglensError, match=r"ulm_7_leftImg8bit\.png: expected ulm/ulm_SEQUENCE_FRAME_leftImg8bit"):
        open_data(_part(small))


def test_bad_masks(small: Path) -> None:
    labels = open_labels(_part(small))
    _mask(small, FRAMES[0], np.full((5, 7), 34, np.uint8))
    with pytest.raises(UnknownClassError, match=r"labelIds\.png: class ids 34; allowed are 7, 8, 11, .*, and 0, 1, .*"):
        labels.label(FRAMES[0])
    _mask(small, FRAMES[0], np.full((5, 7), 263, np.uint16))
    with pytest.raises(UnknownClassError, match="class ids 263"):
        labels.label(FRAMES[0])
    _mask(small, FRAMES[0], np.full((7, 5), 7, np.uint8))
    with pytest.raises(MaskSizeError):
        labels.label(FRAMES[0])
    _mask(small, FRAMES[1], np.zeros((5, 7), np.uint8)).unlink()
    assert [open_labels(_part(small)).has(id) for id in FRAMES[:3]] == [True, False, True]


def test_the_check_guesses_the_layout(small: Path) -> None:
    part = guess(small)
    assert (part.name, part.params()["splits"]) == ("cityscapes", ["train", "val"])
    result = check(open_data(part), open_labels(part))
    assert result["ok"]
    assert (result["images"], result["labelled"]) == (4, 4)
    assert all(row["pixels"] == 4 for row in result["classes"])
    assert guess(small, "cityscapes") == part
