"""Light: every weather occurs, and no picture is black, white or without contrast."""

from __future__ import annotations

import numpy as np
import pytest

from seglens.data.streets.frame import draw
from seglens.data.streets.lens import expose
from seglens.data.streets.weather import KINDS, draw_weather
from seglens.types import Chance


def test_every_weather_occurs_and_clear_is_the_commonest() -> None:
    kinds = [draw_weather(Chance((i,)).numpy()).kind for i in range(300)]
    assert set(kinds) == set(KINDS)
    assert max(set(kinds), key=kinds.count) == "clear"


def test_fog_hides_what_is_far() -> None:
    hazes = {kind: [] for kind in KINDS}
    for i in range(200):
        weather = draw_weather(Chance((i,)).numpy())
        hazes[weather.kind].append(weather.haze)
    assert max(hazes["fog"]) < min(hazes["rain"]) < min(hazes["clear"])


def test_pictures_are_neither_black_nor_white_nor_flat() -> None:
    for sequence in range(12):
        picture = draw(5, "light", sequence, 0, (64, 128)).image
        assert 25 < picture.mean() < 215
        assert picture.std() > 12
        assert np.mean((picture == 0) | (picture == 255)) < 0.25


@pytest.mark.parametrize("kind", KINDS)
def test_brighter_light_gives_a_brighter_picture(kind: str) -> None:
    weather = next(w for i in range(300) if (w := draw_weather(Chance((i,)).numpy())).kind == kind)
    ramp = np.broadcast_to(np.linspace(0.1, 0.8, 64, dtype=np.float32)[None, :, None], (64, 64, 3))
    picture = expose(ramp, weather, Chance(("s",)).numpy(), Chance(("f",)).numpy())
    quarters = [float(part.mean()) for part in np.array_split(picture, 4, axis=1)]
    assert quarters == sorted(quarters)
    assert picture.dtype == np.uint8
