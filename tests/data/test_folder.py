"""Any folder: ids, groups, missing masks, and each kind of broken input."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.data.errors import MaskSizeError, MissingMaskError, UnknownClassError, UnreadableError
from seglens.types import IGNORE, SeglensError


def _part(root: Path, masks: bool = True, **more: object) -> PartConfig:
    values: dict[str, object] = {"name": "folder", "images": root / "images", **more}
    if masks:
        values |= {"masks": root / "masks", "classes": root / "classes.yaml"}
    return PartConfig.model_validate(values)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "a/2.jpg", "b/c/1.webp", "3.bmp"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)).save(path)
        mask = tmp_path / "masks" / Path(name).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 2, (6, 9), dtype=np.uint8)).save(mask)
    (tmp_path / "classes.yaml").write_text("names: [ground, thing]\nignore: [9]\n")
    return tmp_path


def test_ids_are_relative_paths_in_order(root: Path) -> None:
    data = open_data(_part(root))
    assert data.ids == ("3", "a/1", "a/2", "b/c/1")
    assert [data.item(id).group for id in data.ids] == [".", "a", "a", "b/c"]
    assert data.item("a/1").size == (6, 9)
    assert data.image("b/c/1").shape == (6, 9, 3)
    assert data.classes.names == ("ground", "thing")


@pytest.mark.parametrize(("group_by", "groups"), [("none", {"all"}), ("prefix", {"1", "2", "3"})])
def test_groups(root: Path, group_by: str, groups: set[str]) -> None:
    data = open_data(_part(root, group_by=group_by))
    assert {data.item(id).group for id in data.ids} == groups


def test_void_ids_become_ignore(root: Path) -> None:
    mask = np.array([[0, 1, 9, 255, 0, 1, 9, 255, 0]] * 6, np.uint8)
    Image.fromarray(mask).save(root / "masks/a/1.png")
    label = open_labels(_part(root)).label("a/1")
    assert label.dtype == np.uint8
    assert label[0].tolist() == [0, 1, IGNORE, IGNORE, 0, 1, IGNORE, IGNORE, 0]


def test_some_masks_may_be_missing(root: Path) -> None:
    (root / "masks/a/1.png").unlink()
    labels = open_labels(_part(root))
    assert [labels.has(id) for id in ("3", "a/1")] == [True, False]
    with pytest.raises(MissingMaskError, match=r"a/1\.png: the image has no mask"):
        labels.label("a/1")


def test_all_masks_may_be_missing(root: Path) -> None:
    part = _part(root, masks=False, classes=root / "classes.yaml")
    data, labels = open_data(part), open_labels(part)
    assert len(data.classes) == 2
    assert not any(labels.has(id) for id in data.ids)


def test_images_alone_have_no_classes(root: Path) -> None:
    assert len(open_data(_part(root, masks=False)).classes) == 0


def test_masks_inside_the_images_folder_are_no_images(root: Path) -> None:
    part = PartConfig.model_validate(
        {"name": "folder", "images": root, "masks": root / "masks", "classes": root / "classes.yaml"}
    )
    assert all(id.startswith("images/") for id in open_data(part).ids)


def test_two_files_with_one_id_are_refused(root: Path) -> None:
    Image.new("RGB", (9, 6)).save(root / "images/a/1.jpg")
    with pytest.raises(SeglensError, match=r"1\.jpg and .*1\.png give the same id 'a/1'"):
        open_data(_part(root))


def test_an_empty_pool_is_refused(root: Path) -> None:
    for path in (root / "images").rglob("*.*"):
        path.unlink()
    with pytest.raises(SeglensError, match="no image found"):
        open_data(_part(root))


def test_folders_and_classes_that_are_not_there(root: Path) -> None:
    with pytest.raises(SeglensError, match="no such folder of images"):
        open_data(_part(root / "else", masks=False))
    for masks, message in (("nowhere", "no such folder of masks"), ("masks", "key 'classes' is missing")):
        values = {"name": "folder", "images": root / "images", "masks": root / masks}
        with pytest.raises(SeglensError, match=message):
            open_data(PartConfig.model_validate(values))


def test_an_unknown_key_is_refused(root: Path) -> None:
    with pytest.raises(SeglensError, match="unknown key 'mask'; did you mean 'masks'"):
        open_data(_part(root, mask="x"))


def test_a_mask_of_another_size(root: Path) -> None:
    Image.fromarray(np.zeros((9, 6), np.uint8)).save(root / "masks/a/1.png")
    with pytest.raises(MaskSizeError, match=r"a/1\.png: the mask is 9x6, its image 6x9"):
        open_labels(_part(root)).label("a/1")


def test_an_id_that_no_class_has(root: Path) -> None:
    Image.fromarray(np.full((6, 9), 300, np.uint16)).save(root / "masks/a/1.png")
    with pytest.raises(UnknownClassError, match=r"a/1\.png: class ids 300; allowed are 0 to 1, and 9, 255 for void"):
        open_labels(_part(root)).label("a/1")


def test_truncated_image_and_mask(root: Path) -> None:
    for path in (root / "images/a/2.jpg", root / "masks/a/2.png"):
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableError, match=r"masks/a/2\.png"):
        open_labels(_part(root)).label("a/2")
    (root / "images/a/1.png").write_bytes((root / "images/a/1.png").read_bytes()[:60])
    with pytest.raises(UnreadableError, match=r"images/a/1\.png"):
        open_data(_part(root)).image("a/1")


def test_an_unknown_image(root: Path) -> None:
    with pytest.raises(SeglensError, match="image 'a/9': not in this dataset of 4 images"):
        open_data(_part(root)).image("a/9")


def test_the_fingerprint_follows_the_images(root: Path) -> None:
    before = open_data(_part(root)).fingerprint()
    assert open_data(_part(root)).fingerprint() == before
    Image.new("RGB", (9, 6)).save(root / "images/new.png")
    assert open_data(_part(root)).fingerprint() != before


def test_it_survives_pickling(root: Path) -> None:
    data, labels = pickle.loads(pickle.dumps((open_data(_part(root)), open_labels(_part(root)))))
    assert np.array_equal(data.image("a/1"), open_data(_part(root)).image("a/1"))
    assert np.array_equal(labels.label("a/1"), open_labels(_part(root)).label("a/1"))


def test_the_images_know_nothing_of_masks(root: Path) -> None:
    held = pickle.dumps(open_data(_part(root)))
    assert b"masks" not in held


def test_the_fingerprint_of_a_file_that_is_gone(root: Path) -> None:
    data = open_data(_part(root))
    (root / "images/3.bmp").unlink()
    with pytest.raises(UnreadableError, match=r"3\.bmp: No such file"):
        data.fingerprint()
