"""The contract of every registered depth source. A new one is covered by being registered."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel

import seglens.depth  # noqa: F401 - the import registers the parts
from seglens.config import PartConfig
from seglens.data.streets.dataset import Streets, StreetsParams
from seglens.files import encode_id
from seglens.protocols import DepthSource, PartContext
from seglens.registry import depths
from seglens.types import SeglensError, Size

SIZE: Size = (24, 40)
PREDICTED = {"ground"}
"""Those that look at the prediction."""


@pytest.fixture(scope="module")
def streets() -> Streets:
    return Streets(StreetsParams(images=4, size=(48, 80)))


@pytest.fixture
def source(request, streets, tmp_path) -> tuple[DepthSource, Any]:
    name, params = request.param, {}
    if name == "files":
        params = {"folder": str(tmp_path / "maps"), "kind": "metres"}
        (tmp_path / "maps").mkdir()
        for id in streets.ids:
            np.save(tmp_path / "maps" / f"{encode_id(id)}.npy", streets.depth(id))
    if name == "pretrained":
        params = {"model": str(request.getfixturevalue("net")("midas"))}
    context = PartContext(streets.classes, streets, tmp_path / "cache", SIZE)
    return depths.build(PartConfig(name=name, **params), context)


every = pytest.mark.parametrize("source", depths.names(), indirect=True)


def labels(streets: Streets, ids: list[str]) -> torch.Tensor:
    truth = Streets.labels(streets.params)
    return torch.from_numpy(np.stack([truth.label(id)[::2, ::2] for id in ids])).long()


def test_these_are_the_sources():
    assert {"exact", "files", "ground", "pretrained", "ramp"} <= set(depths.names())


@pytest.mark.parametrize("name", depths.names())
def test_it_is_named_described_and_frozen(name):
    part = depths.get(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert part.__doc__.strip().partition("\n")[0].endswith(".")
    assert issubclass(part.Params, BaseModel)
    assert part.Params.model_config["frozen"]
    assert all(field.description for field in part.Params.model_fields.values())
    with pytest.raises(SeglensError, match="unknown key 'no_such_key'"):
        depths.params(PartConfig(name=name, no_such_key=1))


@every
def test_maps_are_in_range_and_in_order(source, streets):
    ids = list(streets.ids)
    source.prepare(ids)
    maps = source.proximity(ids, SIZE, lambda: labels(streets, ids))
    assert maps.shape == (4, *SIZE)
    assert maps.dtype == torch.float32
    assert maps.isfinite().all()
    assert 0 <= maps.min() < maps.max() <= 1
    alone = [source.proximity([id], SIZE, lambda id=id: labels(streets, [id])) for id in ids]
    assert torch.equal(maps, torch.cat(alone))
    assert torch.equal(maps, source.proximity(ids, SIZE, lambda: labels(streets, ids)))


@every
def test_it_asks_for_the_prediction_only_where_it_needs_it(source, streets):
    ids, asked = list(streets.ids[:2]), []

    def predicted() -> torch.Tensor:
        asked.append(True)
        return labels(streets, ids)

    source.proximity(ids, SIZE, predicted)
    assert bool(asked) == (type(source) in {depths.get(name) for name in PREDICTED})


@every
def test_it_can_be_sent_to_a_worker(source, streets):
    ids = list(streets.ids[:1])
    again = pickle.loads(pickle.dumps(source))
    assert again.params == source.params
    maps = [one.proximity(ids, SIZE, lambda: labels(streets, ids)) for one in (source, again)]
    assert torch.equal(*maps)


@every
def test_the_bottom_is_nearer_than_the_top(source, streets):
    if type(source) is depths.get("pretrained"):
        pytest.skip("its weights are random")
    ids = list(streets.ids)
    maps = source.proximity(ids, SIZE, lambda: labels(streets, ids))
    assert maps[:, -4:].mean() > maps[:, :4].mean() + 0.3


@every
def test_it_says_in_one_sentence_where_its_maps_come_from(source):
    assert 5 < len(source.describe()) < 120
    assert "\n" not in source.describe()
