"""Folds of a dataset: disjoint, complete, stratified, and blind to nothing but what they keep."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.registry import datasets
from seglens.types import SeglensError

COUNT = 17


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Seventeen images of a folder; every one shows ground, some a thing, few a rarity, one has no mask."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(COUNT):
        Image.fromarray(np.full((4, 5, 3), i, np.uint8)).save(tmp_path / "images" / f"{i:02d}.png")
        mask = np.zeros((4, 5), np.uint8)
        mask[0, 0] = i % 3 == 0
        mask[0, 1] = 2 * (i in (1, 2, 3))
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i:02d}.png")
    (tmp_path / "masks" / "16.png").unlink()
    (tmp_path / "classes.yaml").write_text("names: [ground, thing, rarity]\n")
    return tmp_path


def _part(root: Path, **more: object) -> PartConfig:
    of = {
        "name": "folder",
        "images": str(root / "images"),
        "masks": str(root / "masks"),
        "classes": str(root / "classes.yaml"),
    }
    return PartConfig.model_validate({"name": "folds", "of": of, "k": 3, **more})


def test_folds_are_disjoint_complete_and_even(root: Path) -> None:
    seen: list[str] = []
    for fold in range(3):
        train, val = (open_data(_part(root, fold=fold, part=part)) for part in ("train", "val"))
        assert not set(train.ids) & set(val.ids)
        assert sorted((*train.ids, *val.ids)) == [f"{i:02d}" for i in range(COUNT)]
        assert list(train.ids) == sorted(train.ids)
        assert len(val.ids) in (5, 6)
        things, rarities = (sum(int(id) in of for id in val.ids) for of in (range(0, COUNT, 3), (1, 2, 3)))
        assert (things, rarities) == (2, 1)
        seen += val.ids
    assert len(seen) == COUNT


def test_images_and_labels_are_those_of_the_dataset(root: Path) -> None:
    part = _part(root, fold=1, part="val")
    data, labels = open_data(part), open_labels(part)
    whole, truth = open_data(PartConfig.model_validate(part.params()["of"])), open_labels(_of(part))
    assert data.classes == whole.classes
    for id in data.ids:
        assert np.array_equal(data.image(id), whole.image(id))
        assert data.item(id) == whole.item(id)
        assert labels.has(id) == truth.has(id)
        if truth.has(id):
            assert np.array_equal(labels.label(id), truth.label(id))
    other = next(id for id in whole.ids if id not in data.ids)
    assert not labels.has(other)
    for read in (data.image, data.item, labels.label):
        with pytest.raises(SeglensError, match=f"image '{other}': not in this part of the folds"):
            read(other)


def _of(part: PartConfig) -> PartConfig:
    return PartConfig.model_validate(part.params()["of"])


def test_a_seed_decides_and_the_fingerprint_tells(root: Path) -> None:
    one, same, other = (open_data(_part(root, seed=seed)) for seed in (0, 0, 1))
    assert one.ids == same.ids
    assert one.ids != other.ids
    prints = {open_data(_part(root, seed=0, fold=fold, part="val")).fingerprint() for fold in range(3)}
    assert len(prints | {one.fingerprint(), other.fingerprint()}) == 5
    assert one.fingerprint() == same.fingerprint()


def test_no_label_is_kept(root: Path) -> None:
    data = open_data(_part(root))
    again = pickle.loads(pickle.dumps(data))
    assert again.ids == data.ids
    assert not any(hasattr(value, "label") or hasattr(value, "masks") for value in vars(data).values())
    assert pickle.loads(pickle.dumps(open_labels(_part(root)))).has(data.ids[0])


def test_paths_inside_are_taken_from_a_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = {"name": "folder", "images": "images", "masks": "masks", "classes": "classes.yaml"}
    inside = {"name": "folds", "of": {"name": "folds", "of": of, "k": 3}, "k": 2}
    monkeypatch.chdir(root.parent)
    part = datasets.anchored(PartConfig.model_validate(inside), root)
    assert part.params()["of"]["of"]["masks"] == str(root / "masks")
    whole = datasets.anchored(PartConfig.model_validate({**of, "name": "folder"}), root)
    assert set(open_data(part).ids) < set(open_data(whole).ids)


def test_exact_depth_comes_through(root: Path) -> None:
    streets = {"name": "streets", "images": 4, "size": [32, 64]}
    data = open_data(PartConfig.model_validate({"name": "folds", "of": streets, "k": 2}))
    assert data.depth(data.ids[0]).shape == (32, 64)  # type: ignore[attr-defined]
    assert not hasattr(open_data(_part(root)), "depth")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"fold": 3}, "allowed are 0 to k - 1 = 2"),
        ({"k": 1}, "key 'k', found 1"),
        ({"k": 30}, "key 'k', found 30: the dataset 'folder' has 17 images"),
        ({"part": "test"}, "key 'part', found 'test'"),
        ({"of": {"name": "foldr"}}, "unknown name 'foldr'; did you mean 'folder'"),
        ({"of": {"name": "streets", "image": 3}}, "unknown key 'image'; did you mean 'images'"),
    ],
)
def test_bad_values_are_refused(root: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(root, **more))


def test_camvid_is_split_more_evenly_than_by_chance(shared: Path) -> None:
    camvid = {"name": "camvid", "root": str(shared / "data" / "camvid"), "splits": ["val"]}
    labels = open_labels(PartConfig.model_validate(camvid))
    shares = []
    for fold in range(4):
        part = PartConfig.model_validate({"name": "folds", "of": camvid, "k": 4, "fold": fold, "part": "val"})
        ids = open_data(part).ids
        assert 24 <= len(ids) <= 27
        shares.append([sum((labels.label(id) == c).any() for id in ids) for c in range(11)])
    assert np.ptp(np.array(shares), axis=0).max() <= 2
