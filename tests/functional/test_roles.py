from __future__ import annotations

import pytest

from seglens.data.classes import CAMVID, CITYSCAPES
from seglens.functional.roles import roles
from seglens.types import SeglensError


def words(names, indices):
    return [names[index] for index in indices]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            CITYSCAPES,
            {
                "ground": ["road", "sidewalk", "terrain"],
                "sky": ["sky"],
                "wide": ["building", "wall", "fence", "vegetation"],
                "crowns": ["vegetation"],
                "mounted": ["traffic light", "traffic sign"],
                "poles": ["pole"],
            },
        ),
        (
            CAMVID,
            {
                "ground": ["road", "pavement"],
                "sky": ["sky"],
                "wide": ["building", "tree", "fence"],
                "crowns": ["tree"],
                "mounted": ["sign"],
                "poles": ["pole"],
            },
        ),
    ],
)
def test_the_tables_we_know(table, expected):
    found = roles(table.names)
    assert {key: words(table.names, getattr(found, key)) for key in expected} == expected


def test_spelling_does_not_matter():
    names = ("LaneMkgsDriv", "ROAD", "Traffic_Light", "Column-Pole", "Sky", "guard rail")
    found = roles(names)
    assert found.ground == (0, 1)
    assert (found.mounted, found.poles, found.sky, found.wide) == ((2,), (3,), (4,), (5,))


def test_given_names_replace_the_known_ones():
    names = ("road", "water", "ceiling", "pipe")
    found = roles(names, ground=["Water"], sky=["ceiling"], wide=["pipe"])
    assert (found.ground, found.sky, found.wide) == ((1,), (2,), (3,))


def test_no_ground_is_an_error_that_says_what_to_do():
    with pytest.raises(SeglensError, match=r"none of the classes cat, dog is known .* ground: \[road, pavement\]"):
        roles(("cat", "dog"))
    with pytest.raises(SeglensError, match=r"key 'ground': no class 'rug'. Allowed: cat, dog"):
        roles(("cat", "dog"), ground=["rug"])
    assert roles(("cat", "dog"), ground=["dog"]).sky == ()
