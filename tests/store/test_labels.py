from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seglens.store import LabelFiles
from seglens.types import SeglensError, Settled


def settled(sets: tuple[tuple[int, ...], ...] = ()) -> Settled:
    label = np.array([[0, 255, 3]], np.uint8)
    regions = np.array([[-1, 1, 0]], np.int32) if sets else None
    return Settled(label, np.array([[2, 0, 1]], np.uint8), regions, sets)


def test_labels_come_back(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    files.write("train/a.b", settled(((1, 4), (2,))))
    files.write("plain", settled())
    assert files.ids() == ["plain", "train/a.b"]
    found = files.read("train/a.b")
    assert found.label.tolist() == [[0, 255, 3]]
    assert found.provenance.tolist() == [[2, 0, 1]]
    assert found.sets == ((1, 4), (2,))
    assert found.regions is not None
    assert found.regions.tolist() == [[-1, 1, 0]]
    assert files.read("plain").regions is None
    files.write("train/a.b", settled())
    assert files.read("train/a.b").sets == ()


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    files.write("a", settled())
    first = (files.labels / "a.png").read_bytes()
    files.write("a", settled())
    assert (files.labels / "a.png").read_bytes() == first


def test_images_without_answers_lose_their_files(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path)
    files.write("a/1", settled(((1,),)))
    files.write("b", settled())
    files.keep_only(["b"])
    assert files.ids() == ["b"]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["b.png", "b.png"]
    with pytest.raises(SeglensError, match="'a/1' has no labels"):
        files.read("a/1")
