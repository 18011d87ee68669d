from collections import Counter

import pytest

from seglens.training.source import draw_batch
from seglens.types import Chance

CHANCE = Chance((0, "train"))


@pytest.mark.parametrize(("images", "batch"), [(10, 4), (3, 16), (1, 5), (16, 16)])
def test_every_image_is_used_equally_often(images: int, batch: int) -> None:
    ids = [str(i) for i in range(images)]
    used = Counter(draw.id for step in range(images * 3) for draw in draw_batch(ids, step, batch, CHANCE))
    assert set(used.values()) == {3 * batch}
    early = Counter(draw.id for step in range(5) for draw in draw_batch(ids, step, batch, CHANCE))
    assert max(early.values()) - min(early.get(id, 0) for id in ids) <= 1


def test_a_batch_is_a_function_of_chance_and_step() -> None:
    ids = [str(i) for i in range(10)]
    assert draw_batch(ids, 7, 4, CHANCE) == draw_batch(ids, 7, 4, CHANCE)
    orders = {tuple(d.id for step in range(5) for d in draw_batch(ids, step, 2, Chance((n,)))) for n in range(4)}
    assert len(orders) == 4


def test_each_use_of_an_image_has_a_chance_of_its_own() -> None:
    draws = [draw for step in range(6) for draw in draw_batch(["a", "b"], step, 4, CHANCE)]
    assert len({draw.chance for draw in draws}) == len(draws)
