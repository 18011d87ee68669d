"""Class tables and class files."""

from __future__ import annotations

from pathlib import Path

import pytest

from seglens.data import CAMVID, CITYSCAPES
from seglens.data.classes import distinct_colors, read_classes
from seglens.types import SeglensError


def test_cityscapes_has_its_nineteen_classes_in_order() -> None:
    assert len(CITYSCAPES) == 19
    assert CITYSCAPES.names[0] == "road"
    assert CITYSCAPES.names[11:13] == ("person", "rider")
    assert CITYSCAPES.names[18] == "bicycle"
    assert CITYSCAPES.colors[13] == (0, 0, 142)


@pytest.mark.parametrize("table", [CITYSCAPES, CAMVID])
def test_every_class_has_a_colour_of_its_own(table: object) -> None:
    assert len(set(table.colors)) == len(table.names) == len(table.colors)  # type: ignore[attr-defined]


def test_default_colours_differ() -> None:
    assert len(set(distinct_colors(255))) == 255


def test_read_classes(tmp_path: Path) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text("names: [a, b]\ncolors: [[1, 2, 3], [4, 5, 6]]\nignore: [7]\n")
    found = read_classes(path)
    assert found.table.names == ("a", "b")
    assert found.table.colors == ((1, 2, 3), (4, 5, 6))
    assert found.ignore == (7,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colours: []\nnames: [a]", r"unknown key 'colours'. Allowed: colors, ignore, names"),
        ("names: []", "key 'names', found \\[\\]"),
        ("names: a", "expected a list of class names"),
        ("names: [a, b, a]", "'a' stands 2 times"),
        ("names: [a, b]\ncolors: [[1, 2, 3]]", "expected 2 lists"),
        ("names: [a]\ncolors: [[1, 2, 300]]", "expected 1 lists"),
        ("names: [a]\nignore: [256]", "key 'ignore', found \\[256\\]"),
        ("names: [a]\nignore: [true]", "key 'ignore'"),
        ("- a", "expected a mapping"),
        ("names: [", "not a YAML file"),
    ],
)
def test_a_bad_class_file_is_refused_by_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "classes.yaml"
    path.write_text(text)
    with pytest.raises(SeglensError, match=message) as error:
        read_classes(path)
    assert str(path) in str(error.value)
