from __future__ import annotations

import pytest

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.registry import narrows
from seglens.types import Chance, ImageRows, SeglensError

POOL = ImageRows(tuple(f"image {n}" for n in range(40)))


def choose(chance=Chance((0,)), pool=POOL, **params):  # noqa: B008 - a frozen value
    return narrows.build(PartConfig(name="random-subset", **params), None).choose(pool, ImageRows(()), chance)


def test_it_keeps_as_many_as_asked_in_the_pools_order():
    assert len(choose(images=7)) == 7
    assert len(choose(fraction=0.26)) == 11
    assert choose(images=100) == list(POOL.ids)
    kept = choose(images=7)
    assert kept == [id for id in POOL.ids if id in kept]


def test_another_round_keeps_others():
    assert choose(images=7) != choose(Chance((1,)), images=7)


def test_an_image_that_goes_does_not_change_the_rest():
    kept = choose(images=7)
    rest = ImageRows(tuple(id for id in POOL.ids if id != kept[0]))
    assert set(kept[1:]) < set(choose(pool=rest, images=7))


@pytest.mark.parametrize("params", [{}, {"images": 3, "fraction": 0.5}])
def test_one_of_the_two_is_needed(params):
    with pytest.raises(SeglensError, match="give either images or fraction"):
        choose(**params)
