import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seglens.models import FeatureCache, SegNet, load_image
from seglens.models.views import VIEWS
from seglens.types import SeglensError

SIZE = (40, 60)
Tiny = Callable[..., SegNet]


def make(folder: Path, pictures, net: SegNet, views=("plain", "flip"), max_gib: float = 1.0) -> FeatureCache:
    return FeatureCache(folder, pictures, net, SIZE, views, max_gib)


def contents(cache: FeatureCache) -> dict[str, bytes]:
    return {str(p.relative_to(cache.path)): p.read_bytes() for p in sorted(cache.path.rglob("*.npy"))}


def test_gives_what_the_net_encodes(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()  # in training mode: the cache must encode in eval all the same
    cache = make(tmp_path, pictures, net)
    cache.fill(pictures.ids)
    assert net.encoder.training
    net.eval()
    for view in cache.views:
        images = torch.stack([load_image(pictures, id, SIZE, VIEWS[view]) for id in pictures.ids])
        wanted = net.encode(images)
        got = cache.get(pictures.ids, [view] * len(pictures.ids))
        assert tuple(got) == net.taps
        for tap, value in got.items():
            assert value.dtype == torch.float16
            torch.testing.assert_close(value.float(), wanted[tap], atol=2e-3, rtol=2e-3)


def test_values_do_not_depend_on_what_was_asked_for_first(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    whole, piecewise = make(tmp_path / "a", pictures, net), make(tmp_path / "b", pictures, net)
    whole.fill(pictures.ids)
    for id in reversed(pictures.ids):
        piecewise.fill([id])
    assert contents(whole) == contents(piecewise)
    assert len(contents(whole)) == 4


def test_resumes_after_a_kill_and_reads_no_image_twice(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    calm = make(tmp_path / "calm", pictures, net)
    calm.fill(pictures.ids)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    cut = make(tmp_path / "cut", pictures, net)
    with pytest.raises(KeyboardInterrupt):
        cut.fill(pictures.ids, stop)
    left = set(contents(cut))
    (next(cut.path.glob("plain-*")) / ".000001.npy.1.tmp").write_bytes(b"half a group")
    pictures.read.clear()
    told = []
    make(tmp_path / "cut", pictures, net).fill(pictures.ids, lambda d, t: told.append((d, t)))
    assert contents(cut) == contents(calm)
    assert left
    assert len(pictures.read) == 2 * 3  # the second group only, two views
    assert told == [(3, 3)]


def test_the_estimate_is_what_it_takes_and_the_limit_is_kept(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    cache = make(tmp_path, pictures, net)
    cache.fill(pictures.ids)
    taken = sum(np.load(p).nbytes for p in cache.path.rglob("*.npy"))
    assert cache.estimate_bytes(len(pictures.ids)) == taken
    small = make(tmp_path / "small", pictures, net, max_gib=taken / 2**30 * 0.9)
    with pytest.raises(SeglensError, match=r"cache.max_gib.*11 images in 2 views would take .* GiB, the limit is"):
        small.fill(pictures.ids)
    assert not small.path.exists()


def test_the_key_follows_weights_images_and_size(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    first = make(tmp_path, pictures, net).path
    assert make(tmp_path, pictures, net, views=("plain",)).path == first
    assert FeatureCache(tmp_path, pictures, net, (32, 60), ("plain",), 1).path != first
    assert make(tmp_path, pictures, tiny(seed=1)).path != first
    with torch.no_grad():
        net.head[0].weight.zero_()  # the decoder's business, not the cache's
    assert make(tmp_path, pictures, net).path == first
    with torch.no_grad():
        next(net.encoder.parameters()).mul_(1.01)
    assert make(tmp_path, pictures, net).path != first


def test_pooled(tiny: Tiny, pictures, tmp_path: Path) -> None:
    cache = make(tmp_path, pictures, tiny())
    cache.fill(pictures.ids)
    pooled = cache.pooled(pictures.ids[3:5])
    assert pooled.dtype == np.float32
    wanted = cache.get(pictures.ids[3:5])["stride-32"].float().mean((2, 3))
    np.testing.assert_allclose(pooled, wanted.numpy(), rtol=1e-6)


def test_errors(tiny: Tiny, pictures, tmp_path: Path) -> None:
    cache = make(tmp_path, pictures, tiny(), views=("plain",))
    with pytest.raises(SeglensError, match="unknown image 'nobody'"):
        cache.fill(["nobody"])
    with pytest.raises(SeglensError, match="no features of 'seq/00'"):
        cache.one("seq/00")
    cache.fill(pictures.ids[:1])
    with pytest.raises(SeglensError, match="view 'flip'"):
        cache.one("seq/00", "flip")


def test_two_processes_fill_one_cache(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    calm, shared = make(tmp_path / "calm", pictures, net), make(tmp_path / "shared", pictures, net)
    calm.fill(pictures.ids)
    script = tmp_path / "fill.py"
    with open(tmp_path / "cache.pkl", "wb") as file:
        pickle.dump((tmp_path / "shared", list(pictures.ids), net), file)
    script.write_text(FILL.format(conftest=Path(__file__).with_name("conftest.py"), file=tmp_path / "cache.pkl"))
    workers = [subprocess.Popen([sys.executable, str(script)]) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert contents(shared) == contents(calm)


FILL = """
import importlib.util, pickle, torch
from seglens.models import FeatureCache
spec = importlib.util.spec_from_file_location("conftest", "{conftest}")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
torch.set_num_threads(1)
with open("{file}", "rb") as file:
    folder, ids, net = pickle.load(file)
cache = FeatureCache(folder, module.Pictures(len(ids)), net, (40, 60), ("plain", "flip"), 1.0)
cache.fill(ids)
"""
