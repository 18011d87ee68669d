"""The sources without files and networks: exact, ramp and ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from seglens.config import PartConfig
from seglens.data.classes import CITYSCAPES
from seglens.data.streets.dataset import Streets, StreetsParams
from seglens.registry import depths
from seglens.types import ClassTable, SeglensError

SCENES = 36
FLOOR = 0.93
"""Mean rank correlation of ``ground`` with exact inverse depth; it was 0.951 when this was written."""


def build(context, name, **params):
    return depths.build(PartConfig(name=name, **params), context)


@pytest.fixture(scope="module")
def streets() -> Streets:
    return Streets(StreetsParams(images=SCENES, frames=1))


def test_exact_is_near_over_distance(context, streets, unpredicted):
    id = streets.ids[0]
    exact = build(replace(context, data=streets), "exact", near=8.0)
    exact.prepare([id])
    found = exact.proximity([id], (128, 256), unpredicted)[0].numpy()
    metres = streets.depth(id)
    np.testing.assert_allclose(found, 8 / np.maximum(metres, 8), rtol=1e-5)
    assert (found[np.isinf(metres)] == 0).all()
    small = exact.proximity(streets.ids[:2], (32, 64), unpredicted)
    assert small.shape == (2, 32, 64)
    blocks = found.reshape(32, 4, 64, 4).mean((1, 3))
    assert np.abs(small[0].numpy() - blocks).mean() < 0.01


def test_exact_needs_a_dataset_that_knows(context, unpredicted):
    exact = build(context, "exact")
    for call in (lambda: exact.prepare([]), lambda: exact.proximity(["a/two"], (4, 4), unpredicted)):
        with pytest.raises(SeglensError, match=r"DepthData knows no exact distances.*Allowed for it: files, ground"):
            call()


def test_ramp(context, unpredicted):
    found = build(context, "ramp", top=0.25).proximity(["a", "b"], (8, 3), unpredicted)
    assert found.shape == (2, 8, 3)
    assert torch.equal(found[0], found[1])
    assert found[0, :, 0].tolist() == pytest.approx([0, 0, *[(row + 0.5 - 2) / 5.5 for row in range(2, 8)]])
    assert found[0, -1, 0] == 1
    build(context, "ramp").prepare(["a"])


@pytest.mark.parametrize("name", ["ramp", "ground"])
def test_a_prior_says_that_it_is_one(context, name):
    assert "prior" in depths.get(name).__doc__
    assert "not a measurement" in build(context, name).describe()


def test_ground_follows_the_prediction(context):
    context = replace(context, classes=CITYSCAPES)
    label = torch.full((2, 20, 28), CITYSCAPES.names.index("sky"))
    label[:, 10:] = CITYSCAPES.names.index("road")
    label[1, 8:16, 3:6] = CITYSCAPES.names.index("person")
    ground = build(context, "ground", horizon=0.5)
    found = ground.proximity(["a", "b"], (20, 28), lambda: label)
    assert found.dtype == torch.float32
    assert (found[:, :8] == 0).all()
    assert found[0, 10:, 0].tolist() == pytest.approx([(row + 0.5 - 10) / 9.5 for row in range(10, 20)])
    assert found[1, 8:16, 3:6].unique().tolist() == pytest.approx([6 / 9.5])


def test_ground_needs_a_ground(context):
    indoors = replace(context, classes=ClassTable(("bed", "chair"), ((0, 0, 0), (1, 1, 1))))
    ground = build(indoors, "ground")  # building it is fine: no part may ever ask
    with pytest.raises(SeglensError, match=r"none of the classes bed, chair .*ground: \[road, pavement\]"):
        ground.prepare([])
    assert (build(indoors, "ground", ground=["bed"]).proximity([""], (4, 4), lambda: torch.zeros(1, 4, 4)) > 0).any()
    with pytest.raises(SeglensError, match=r"key 'sky': no class 'ceiling'. Allowed: bed, chair"):
        build(indoors, "ground", ground=["bed"], sky=["ceiling"]).prepare([])


def test_ground_ranks_pixels_as_exact_depth_does(context, streets, unpredicted, capsys):
    """Over all pixels but the sky, from the true labels: what the prior can do at best."""
    context = replace(context, classes=streets.classes, data=streets, size=(128, 256))
    labels = Streets.labels(streets.params)
    truth = torch.from_numpy(np.stack([labels.label(id) for id in streets.ids])).long()
    maps = {
        name: build(context, name).proximity(streets.ids, (128, 256), lambda: truth).numpy()
        for name in ("ground", "ramp")
    }
    ranks: dict[str, list[float]] = {name: [] for name in maps}
    for index, id in enumerate(streets.ids):
        metres = streets.depth(id)
        seen = np.isfinite(metres)
        for name, found in maps.items():
            ranks[name].append(float(spearmanr(found[index][seen], 1 / metres[seen]).statistic))
    with capsys.disabled():
        for name, values in ranks.items():
            print(f"\n{name} against exact inverse depth, {SCENES} streets: mean {np.mean(values):.3f}, "
                  f"least {min(values):.3f}", end="")  # fmt: skip
    assert np.mean(ranks["ground"]) > FLOOR
    assert np.mean(ranks["ground"]) > np.mean(ranks["ramp"]) + 0.05
    assert min(ranks["ground"]) > 0.7


def test_cars_are_nearer_the_lower_they_stand(context, shared):
    """CamVid's true labels: a sanity check on real streets."""
    from seglens.data.camvid import CamVid, CamVidParams

    params = CamVidParams(root=shared / "data" / "camvid")
    data, labels = CamVid(params), CamVid.labels(params)
    ids = data.ids[::20]
    truth = [labels.label(id) for id in ids]
    ground = build(replace(context, classes=data.classes), "ground")
    car, sky = data.classes.names.index("car"), data.classes.names.index("sky")
    low, high = [], []
    for id, label in zip(ids, truth, strict=True):
        found = ground.proximity([id], label.shape, lambda label=label: torch.from_numpy(label)[None].long())[0].numpy()
        assert (found[label == sky] == 0).all()
        assert found[-10:].mean() > 0.8
        rows = np.nonzero(label == car)[0]
        low.extend(found[label == car][rows > 0.7 * len(label)])
        high.extend(found[label == car][rows < 0.5 * len(label)])
    assert np.mean(low) > np.mean(high) + 0.2
