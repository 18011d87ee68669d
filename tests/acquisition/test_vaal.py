"""The narrowings of VAAL and TA-VAAL: least like the labelled first, by chance where nothing is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import seglens.acquisition  # noqa: F401 - registers the parts
from seglens.config import PartConfig
from seglens.evidence import NetEvidence
from seglens.models import VaalNet, load_image
from seglens.models.vae import SMALL
from seglens.protocols import Narrow
from seglens.registry import narrows
from seglens.types import ByteArray, Chance, ClassTable, ImageId, ImageRows, Item, SeglensError

NAMES = ["vaal", "ta-vaal"]
CHANCE = Chance((0, 1))


def built(name: str, **params: object) -> Narrow:
    part: Narrow = narrows.build(PartConfig.model_validate({"name": name, **params}), None)
    return part


def rows(*labelled: float) -> ImageRows:
    return ImageRows(tuple(f"image {n}" for n in range(len(labelled))), {"reduced": np.array(labelled)[:, None]})


@pytest.mark.parametrize("name", NAMES)
def test_the_least_probably_labelled_are_kept(name: str) -> None:
    pool = rows(0.9, 0.2, 0.5, 0.1, 0.7)
    assert built(name, images=2).choose(pool, ImageRows(()), CHANCE) == ["image 1", "image 3"]
    assert built(name, fraction=0.5).choose(pool, ImageRows(()), CHANCE) == ["image 1", "image 2", "image 3"]
    assert built(name, images=9).choose(pool, ImageRows(()), CHANCE) == list(pool.ids)
    assert built(name, images=9).choose(ImageRows(()), ImageRows(()), CHANCE) == []


@pytest.mark.parametrize("name", NAMES)
def test_where_all_are_said_to_be_alike_chance_decides(name: str) -> None:
    pool, part = rows(*[0.5] * 40), built(name, images=6)
    kept = part.choose(pool, ImageRows(()), CHANCE)
    assert len(kept) == 6
    assert kept != list(pool.ids[:6])
    assert kept == part.choose(pool, ImageRows(()), CHANCE)
    assert kept != part.choose(pool, ImageRows(()), Chance((0, 2)))
    back = ImageRows(pool.ids[::-1], pool.arrays)
    assert part.choose(back, ImageRows(()), CHANCE) == kept[::-1]


@pytest.mark.parametrize("name", NAMES)
def test_bad_values_are_told(name: str) -> None:
    with pytest.raises(SeglensError, match="image 'image 1': its value"):
        built(name, images=1).choose(rows(0.3, float("nan"), 0.2), ImageRows(()), CHANCE)
    with pytest.raises(SeglensError, match=f"narrow '{name}': key 'images', found 0"):
        built(name, images=0)
    with pytest.raises(SeglensError, match="give either images or fraction"):
        built(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_its_own_companion(name: str) -> None:
    assert built(name, images=1).needs == {f"companion:{name}"}


class Greys:
    """Five grey pictures, each of its own brightness."""

    classes = ClassTable(("a", "b"), ((0, 0, 0), (255, 255, 255)))
    ids = tuple(f"grey {n}" for n in range(5))

    def item(self, id: ImageId) -> Item:
        return Item((70, 90), "greys")

    def image(self, id: ImageId) -> ByteArray:
        return np.full((70, 90, 3), 50 * int(id[-1]), np.uint8)

    def fingerprint(self) -> str:
        return "greys"


def test_it_reads_what_the_companion_left_behind_without_the_model(tmp_path: Path) -> None:
    data, net = Greys(), VaalNet(4, 8).eval()
    with torch.no_grad():
        net.discriminator[-1].weight.normal_(generator=Chance((0,)).torch())
    part = built("vaal", images=2)
    ev = NetEvidence(data.ids, data, (32, 64), CHANCE, part.needs, None, member={"vaal": net}.get)
    reduced = part.reduce(ev)
    images = torch.stack([load_image(data, id, SMALL) for id in data.ids])
    with torch.no_grad():
        expected = net.judge(lambda: images, lambda size: images).numpy()
    np.testing.assert_allclose(reduced, expected, rtol=1e-6)
    kept = part.choose(ImageRows(data.ids, {"reduced": reduced}), ImageRows(()), CHANCE)
    assert set(kept) == {data.ids[i] for i in np.argsort(expected[:, 0])[:2]}
