from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seglens.models import FeatureCache, SegNet, load_image
from seglens.models.stages import STAGES, pooled_stages, stage_modules
from seglens.types import SeglensError

Tiny = Callable[..., SegNet]
WIDTHS = {
    "tu-tf_efficientnet_lite0": (16, 24, 40, 80, 112, 320),
    "mobilenet_v2": (16, 24, 32, 64, 96, 320),
    "drn_d_22": (32, 64, 128, 256, 512, 512),
}
SIZE = (40, 60)


@pytest.mark.parametrize("encoder", sorted(STAGES))
@torch.no_grad()
def test_six_stages_of_their_widths_by_hand(tiny: Tiny, encoder: str) -> None:
    net = tiny(name="deeplabv3plus", encoder=encoder).eval()
    assert net.stage_channels == WIDTHS[encoder]
    maps: list[torch.Tensor] = []
    hooks = [
        net.encoder.get_submodule(path).register_forward_hook(lambda _module, _inputs, out: maps.append(out))
        for path in stage_modules(encoder)
    ]
    images = torch.rand(2, 3, 33, 50)
    features = net.encode(images, stages=True)
    for hook in hooks:
        hook.remove()
    assert [x.shape[1] for x in maps] == list(WIDTHS[encoder])
    sizes = [x.shape[2] for x in maps]
    assert sizes == sorted(sizes, reverse=True)  # shallow to deep
    by_hand = torch.cat([x.flatten(2).mean(2) for x in maps], 1)
    assert features["stages"].shape == (2, sum(WIDTHS[encoder]), 1, 1)
    torch.testing.assert_close(features["stages"].flatten(1), by_hand)
    plain = net.encode(images)
    assert "stages" not in plain
    assert all(torch.equal(plain[tap], features[tap]) for tap in plain)
    assert not any(module._forward_hooks for module in net.encoder.modules())


def test_hooks_go_when_a_pass_fails(tiny: Tiny) -> None:
    net = tiny(name="deeplabv3plus", encoder="mobilenet_v2")
    with pytest.raises(RuntimeError), pooled_stages(net.encoder, "mobilenet_v2"):
        net.encoder(torch.rand(1, 4, 32, 32))
    assert not any(module._forward_hooks for module in net.encoder.modules())


@pytest.mark.parametrize("encoder", sorted(STAGES))
@torch.no_grad()
def test_cached_stages_are_the_direct_ones(tiny: Tiny, pictures, tmp_path: Path, encoder: str) -> None:
    net = tiny(name="deeplabv3plus", encoder=encoder).eval()
    ids = pictures.ids[:3]
    cache = FeatureCache(tmp_path, pictures, net, SIZE, ("plain",), 1.0, stages=True)
    cache.fill(ids)
    kept = cache.get(ids)
    assert set(kept) == {*net.taps, "stages"}
    direct = net.encode(torch.stack([load_image(pictures, id, SIZE) for id in ids]), stages=True)
    for tap, value in kept.items():
        assert value.dtype == torch.float16
        torch.testing.assert_close(value.float(), direct[tap], atol=2e-3, rtol=2e-3)
    kept.pop("stages")
    torch.testing.assert_close(net.decode(kept, SIZE), net.decode(direct, SIZE), atol=3e-2, rtol=3e-2)


def test_a_cache_with_stages_or_of_a_dilated_encoder_is_another(tiny: Tiny, pictures, tmp_path: Path) -> None:
    def path(name: str, stages: bool) -> Path:
        net = tiny(name=name, encoder="mobilenet_v2")
        return FeatureCache(tmp_path, pictures, net, SIZE, ("plain",), 1.0, stages).path

    assert len({path("deeplabv3plus", True), path("deeplabv3plus", False), path("unet", False)}) == 3


def test_an_encoder_without_stages(tiny: Tiny, pictures, tmp_path: Path) -> None:
    net = tiny()
    wanted = r"'tu-test_efficientnet' has no named stages.*: drn_d_22, mobilenet_v2, tu-tf_efficientnet_lite0"
    with pytest.raises(SeglensError, match=wanted):
        net.encode(torch.rand(1, 3, *SIZE), stages=True)
    with pytest.raises(SeglensError, match=wanted):
        _ = net.stage_channels
    with pytest.raises(SeglensError, match=wanted):
        FeatureCache(tmp_path, pictures, net, SIZE, ("plain",), 1.0, stages=True)
