"""Sequences of a dataset: the named ones, a stretch of each, and nothing twice."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglens.config import PartConfig
from seglens.data import open_data, open_labels
from seglens.registry import datasets
from seglens.types import SeglensError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """CamVid's layout: A has frames 1 to 10 with 8 to 10 in val, B has 1 to 3, C one."""
    frames = {"train": [*(f"A_{i}" for i in range(1, 8)), *(f"B_{i}" for i in range(1, 4))]}
    frames["val"] = ["A_8", "A_9", "A_10", "C_1"]
    for split, names in frames.items():
        for folder in (split, f"{split}annot"):
            (tmp_path / folder).mkdir()
        for i, name in enumerate(names):
            Image.new("RGB", (8, 6), (i, 0, 0)).save(tmp_path / split / f"{name}.png")
            Image.new("L", (8, 6), i % 11).save(tmp_path / f"{split}annot" / f"{name}.png")
    return tmp_path


def _part(root: Path, **more: object) -> PartConfig:
    of = {"name": "camvid", "root": str(root), "splits": ["train", "val"]}
    return PartConfig.model_validate({"name": "sequences", "of": of, **more})


def _names(root: Path, **more: object) -> list[str]:
    return [id.rpartition("/")[2] for id in open_data(_part(root, **more)).ids]


def test_sequences_are_kept_or_left_out(root: Path) -> None:
    assert len(_names(root)) == 14
    assert _names(root, only=["B", "C"]) == ["B_1", "B_2", "B_3", "C_1"]
    assert _names(root, only="B") == _names(root, without=["A", "C"]) == ["B_1", "B_2", "B_3"]
    assert _names(root, only=["A", "C"], without="A") == ["C_1"]


def test_a_stretch_follows_the_numbers_through_both_splits(root: Path) -> None:
    assert set(_names(root, only="A", first=0.7)) == {"A_8", "A_9", "A_10"}
    assert set(_names(root, only="A", first=0.9)) == {"A_10"}
    assert set(_names(root, only="A", first=0.2, last=0.5)) == {"A_3", "A_4", "A_5"}


@pytest.mark.parametrize("border", [0.1, 1 / 3, 0.5, 0.67, 0.8])
def test_stretches_with_one_border_part_the_dataset(root: Path, border: float) -> None:
    before, after = _names(root, last=border), _names(root, first=border)
    assert sorted(before + after) == sorted(_names(root))


def test_images_and_labels_are_those_of_the_dataset(root: Path) -> None:
    part = _part(root, only="A", last=0.8)
    of = PartConfig.model_validate(part.params()["of"])
    data, labels, whole, truth = open_data(part), open_labels(part), open_data(of), open_labels(of)
    assert data.classes == whole.classes
    for id in data.ids:
        assert np.array_equal(data.image(id), whole.image(id))
        assert np.array_equal(labels.label(id), truth.label(id))
        assert data.item(id) == whole.item(id)
    assert not labels.has("val/C_1")
    for read in (data.image, data.item, labels.label):
        with pytest.raises(SeglensError, match="image 'val/C_1': not in these sequences, of 8 images"):
            read("val/C_1")
    assert pickle.loads(pickle.dumps(data)).ids == data.ids
    assert not any(hasattr(value, "label") for value in vars(data).values())


def test_the_fingerprint_tells_what_is_kept(root: Path) -> None:
    prints = [open_data(_part(root, only=only)).fingerprint() for only in ("A", "B", "A")]
    assert prints[0] == prints[2] != prints[1]


def test_it_nests_with_folds_and_keeps_exact_depth(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = {"name": "folds", "of": _part(Path("."), only=["A"]).model_dump(), "k": 2}
    monkeypatch.chdir(root.parent)
    part = datasets.anchored(PartConfig.model_validate(inside), root)
    assert len(open_data(part).ids) == 5
    streets = {"name": "streets", "images": 4, "size": [32, 64]}
    data = open_data(PartConfig.model_validate({"name": "sequences", "of": streets, "only": "pool/0001"}))
    assert data.depth("pool/0001_00").shape == (32, 64)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"only": ["D"]}, "key 'only': unknown sequence 'D'. Allowed: A, B, C"),
        ({"without": ["A", "E"]}, "key 'without': unknown sequence 'E'. Allowed: A, B, C"),
        ({"only": ["A"], "without": ["A"]}, "no image of 'camvid' is left after only, without"),
        ({"only": ["C"], "last": 0.2}, "no image of 'camvid' is left"),
        ({"first": 0.5, "last": 0.5}, "last: found 0.5, allowed are fractions above first = 0.5"),
        ({"first": 1.0}, "key 'first', found 1.0"),
        ({"of": {"name": "camvit"}}, "unknown name 'camvit'; did you mean 'camvid'"),
    ],
)
def test_bad_values_are_refused(root: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SeglensError, match=message):
        open_data(_part(root, **more))


def test_camvid_without_one_sequence(shared: Path) -> None:
    root = shared / "data" / "camvid"
    data = open_data(_part(root, without="0001TP"))
    assert Counter(data.item(id).group for id in data.ids) == {"0006R0": 101, "0016E5": 305}
    held = open_data(_part(root, only=["0001TP"]))
    assert len(held.ids) == 62
    early, late = (open_data(_part(root, **part)).ids for part in ({"last": 0.67}, {"first": 0.67}))
    assert len(early) + len(late) == 468
    assert not set(early) & set(late)
