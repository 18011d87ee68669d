from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr

from seglens.config import PartConfig
from seglens.depth.loading import load_depth_net
from seglens.depth.pretrained import Pretrained, PretrainedParams
from seglens.registry import depths
from seglens.types import SeglensError


def source(folder, context, **params) -> Pretrained:
    return Pretrained(PretrainedParams(model=str(folder), **params), context)


@pytest.mark.parametrize("name", ["midas", "hybrid", "swin", "dinov2", "anything"])
def test_near_is_near(net, context, pool, unpredicted, name):
    """Inverse depth rises with proximity, metres fall with it."""
    raw = load_depth_net(str(net(name))).depth(pool.images["a/two"])
    near = source(net(name), context, near=1.0).proximity(["a/two"], raw.shape[1:], unpredicted)
    assert near.shape == raw.shape
    assert near.dtype == torch.float32
    assert 0 <= near.min() < near.max() <= 1
    open_ = (near > 0) & (near < 1)  # neither clipped
    assert open_.float().mean() > 0.5
    agreement = spearmanr(near[open_], raw[open_]).statistic
    assert agreement < -0.99 if name == "dinov2" else agreement > 0.99


def test_the_sign_can_be_said(net, context, unpredicted):
    metres = source(net("midas"), context, kind="metres", near=8.0).proximity(["a/two"], (32, 32), unpredicted)
    inverse = source(net("midas"), context).proximity(["a/two"], (32, 32), unpredicted)
    assert spearmanr(metres.flatten(), inverse.flatten()).statistic < -0.9


def test_a_map_is_computed_once(net, context, pool, unpredicted):
    first = source(net("midas"), context).proximity(pool.ids, (20, 28), unpredicted)
    assert pool.decoded == pool.ids
    again = source(net("midas"), context).proximity(pool.ids, (20, 28), unpredicted)
    assert torch.equal(first, again)
    assert pool.decoded == pool.ids
    other = source(net("midas"), context).proximity(pool.ids, (9, 9), unpredicted)
    assert other.shape == (3, 9, 9)
    assert pool.decoded == pool.ids  # another size of the same maps


@pytest.mark.parametrize("change", [{"height": 64}, {"kind": "metres"}, {"near": 7.0}])
def test_what_decides_the_maps_decides_their_folder(net, context, change):
    plain = source(net("midas"), context).folder
    assert source(net("midas"), context, **change).folder != plain
    assert source(net("swin"), context).folder != plain
    fewer = replace(context, data=replace(context.data, images=dict(list(context.data.images.items())[:1])))
    assert source(net("midas"), fewer).folder != plain


def test_prepare_goes_on_where_it_was_stopped(net, context, pool):
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        source(net("midas"), context).prepare(pool.ids, stop)
    heard: list[tuple[int, int]] = []
    source(net("midas"), context).prepare(pool.ids, lambda done, total: heard.append((done, total)))
    assert heard == [(3, 3)]
    assert pool.decoded == pool.ids
    assert not list(context.cache.rglob("*.tmp"))


def test_images_do_not_depend_on_the_batch(net, context, pool, unpredicted):
    whole = source(net("anything"), context).proximity(pool.ids, (20, 28), unpredicted)
    fresh = replace(context, cache=Path(context.cache) / "other")
    alone = source(net("anything"), fresh).proximity(pool.ids[1:2], (20, 28), unpredicted)
    assert torch.equal(whole[1:2], alone)


def test_a_broken_map_is_named(net, context, pool, unpredicted):
    depth = source(net("midas"), context)
    depth.prepare(pool.ids[:1])
    (kept,) = depth.folder.glob("*.npz")
    kept.write_bytes(b"no map")
    with pytest.raises(SeglensError, match="unreadable depth map") as error:
        depth.proximity(pool.ids[:1], (20, 28), unpredicted)
    assert str(kept) in str(error.value)


def test_a_worker_loads_its_own_network(net, context, pool):
    depth = source(net("midas"), context)
    depth.prepare(pool.ids[:1])
    assert depth._net is not None
    again = pickle.loads(pickle.dumps(depth))
    assert again._net is None
    again.prepare(pool.ids[1:])
    assert again.folder == depth.folder


def test_the_registry_builds_it(net, context):
    depth = depths.build(PartConfig(name="pretrained", model=str(net("midas"))), context)
    assert isinstance(depth, Pretrained)
    assert depth.describe().endswith(net("midas").name)
    with pytest.raises(SeglensError, match="unknown key 'modle'"):
        depths.params(PartConfig(name="pretrained", modle="x"))
