"""The contract of every registered depth source. A new one is covered by being registered."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import BaseModel

import seglens.depth  # noqa: F401 - the import registers the parts
from seglens.bench.contract import School, Strategy, check_strategy, find_strategy
from seglens.bench.contract.school import IMAGES
from seglens.bench.contract.school import SIZE as SCHOOL_SIZE
from seglens.config import NoParams, PartConfig
from seglens.data.streets.dataset import Streets, StreetsParams
from seglens.files import encode_id, read_map
from seglens.protocols import DepthSource, PartContext
from seglens.registry import depths
from seglens.types import SeglensError, Size

SIZE: Size = (24, 40)
PREDICTED = {"ground"}
"""Those that look at the prediction."""


@pytest.fixture(scope="module")
def streets() -> Streets:
    return Streets(StreetsParams(images=4, size=(48, 80)))


def params_of(name: str, streets: Streets, request: Any, folder: Path) -> dict[str, Any]:
    """What a source has to be told to run here."""
    if name == "files":
        folder.mkdir()
        for id in streets.ids:
            np.save(folder / f"{encode_id(id)}.npy", streets.depth(id))
        return {"folder": str(folder), "kind": "metres"}
    return {"model": str(request.getfixturevalue("net")("midas"))} if name == "pretrained" else {}


@pytest.fixture
def source(request, streets, tmp_path) -> tuple[DepthSource, Any]:
    name = request.param
    params = params_of(name, streets, request, tmp_path / "maps")
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


# -- what ``seglens check-strategy`` checks ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    school = School()
    yield school
    school.close()


@pytest.mark.parametrize("name", depths.names())
def test_it_keeps_the_contract(name, school, request, tmp_path):
    streets = Streets(StreetsParams(images=IMAGES, size=SCHOOL_SIZE))
    part = {"name": name, **params_of(name, streets, request, tmp_path / "maps")}
    findings = check_strategy(Strategy(f"depth/{name}", {"depth": part}, kind="depth"), school)
    assert [f"{found.check}: {found.why}" for found in findings if not found.passed] == []
    assert {"in range", "deterministic", "resume", "no label seen"} <= {found.check for found in findings}


class Flat:
    """Everything is half near; each of its heirs breaks one line of the contract."""

    Params = NoParams

    def __init__(self, params, context):
        self.params, self.context = params, context

    def describe(self):
        return "nowhere"

    def prepare(self, ids, progress=None):
        pass

    def proximity(self, ids, size, predicted):
        return torch.full((len(ids), *size), 0.5)


class TooNear(Flat):
    def proximity(self, ids, size, predicted):
        return torch.full((len(ids), *size), 1.5)


class Unsure(Flat):
    def proximity(self, ids, size, predicted):
        return torch.rand(len(ids), *size)


class OfTheBatch(Flat):
    def proximity(self, ids, size, predicted):
        return torch.full((len(ids), *size), 1 / len(ids))


class Peeks(Flat):
    """Opens the masks that lie beside the images."""

    def proximity(self, ids, size, predicted):
        files = [self.context.data.data._entries[id].image for id in ids]
        masks = [read_map(file.parents[2] / "masks" / f"{id}.png") for file, id in zip(files, ids, strict=True)]
        return torch.stack([torch.full(size, float(mask.mean()) / 255) for mask in masks])


class HalfDone(Flat):
    """Takes a file that is there for one that is whole."""

    def prepare(self, ids, progress=None):
        self.context.cache.mkdir(exist_ok=True)
        for done, id in enumerate(ids, 1):
            path = self.context.cache / encode_id(id)
            if not path.exists():
                path.write_text("")
                if progress is not None:
                    progress(done, len(ids))
                path.write_text("whole")

    def proximity(self, ids, size, predicted):
        self.prepare(ids)
        whole = [bool((self.context.cache / encode_id(id)).read_text()) for id in ids]
        return torch.tensor(whole).float()[:, None, None].expand(-1, *size)


@pytest.mark.parametrize(
    ("part", "check"),
    [
        (TooNear, "in range"),
        (Unsure, "deterministic"),
        (OfTheBatch, "batch size"),
        (Peeks, "no label seen"),
        (HalfDone, "resume"),
    ],
)
def test_what_breaks_the_contract_is_found(part, check, school, monkeypatch):
    monkeypatch.setattr(depths, "_parts", {**depths._parts, "broken": part})
    findings = check_strategy(find_strategy("depth/broken"), school)
    assert check in {found.check for found in findings if not found.passed}


def test_a_class_of_somebody_elses_is_known_as_a_depth_source(school, monkeypatch, tmp_path):
    monkeypatch.setattr(depths, "_parts", dict(depths._parts))
    (tmp_path / "nowhere_near.py").write_text(
        "import torch\nfrom seglens.config import NoParams\n\n\nclass HalfNear:\n    Params = NoParams\n\n"
        "    def __init__(self, params, context): ...\n    def describe(self): return 'nowhere'\n"
        "    def prepare(self, ids, progress=None): ...\n"
        "    def proximity(self, ids, size, predicted): return torch.full((len(ids), *size), 0.5)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    findings = check_strategy(find_strategy("nowhere_near:HalfNear"), school)
    assert [found for found in findings if not found.passed] == []
    assert len(findings) == 8
