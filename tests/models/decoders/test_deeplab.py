from collections.abc import Callable

import pytest
import torch
from segmentation_models_pytorch import DeepLabV3Plus
from torch import nn

from seglens.models import SegNet, load_checkpoint, save_checkpoint
from seglens.types import Chance, SeglensError

Tiny = Callable[..., SegNet]
ENCODERS = {"tu-tf_efficientnet_lite0": (16, 320), "mobilenet_v2": (16, 1280), "drn_d_22": (8, 512)}


def images(count: int, size: tuple[int, int]) -> torch.Tensor:
    return torch.rand(count, 3, *size, generator=Chance(("images", *size)).torch())


@pytest.mark.parametrize("encoder", ENCODERS)
@torch.no_grad()
def test_the_encoders_of_cpral_at_odd_sizes(tiny: Tiny, encoder: str) -> None:
    stride, channels = ENCODERS[encoder]
    net = tiny(name="deeplabv3plus", encoder=encoder).eval()
    assert net.stride == stride
    assert net.taps == ("stride-4", f"stride-{stride}")
    for height, width in ((40, 60), (33, 97)):
        features = net.encode(images(2, (height, width)))
        padded = [-(-n // stride) * stride for n in (height, width)]
        assert list(features["stride-4"].shape[2:]) == [n // 4 for n in padded]
        assert list(features[f"stride-{stride}"].shape) == [2, channels, *(n // stride for n in padded)]
        assert net.decode(features, (height, width)).shape == (2, 3, height, width)


@torch.no_grad()
def test_is_the_librarys(tiny: Tiny) -> None:
    net = tiny(name="deeplabv3plus", encoder="resnet18", width=24).eval()
    whole = DeepLabV3Plus(
        "resnet18", encoder_weights=None, decoder_channels=24, decoder_atrous_rates=(6, 12, 18), classes=3
    ).eval()
    whole.encoder.load_state_dict(net.encoder.state_dict())
    whole.decoder.load_state_dict(net.decoder.layers.state_dict())
    whole.segmentation_head.load_state_dict(net.head.state_dict())
    x = images(2, (48, 64))
    torch.testing.assert_close(net(x), self_normalised(whole, net, x), atol=1e-6, rtol=1e-6, check_stride=False)


def self_normalised(whole: nn.Module, net: SegNet, x: torch.Tensor) -> torch.Tensor:
    """The library enlarges logits with aligned corners, this network without: compared before that."""
    stages = [stage.contiguous() for stage in whole.encoder(normalised(net, x))]
    return net.enlarge(whole.segmentation_head[0](whole.decoder(stages)), (48, 64))


def normalised(net: SegNet, x: torch.Tensor) -> torch.Tensor:
    """In the layout that the encoder runs in, which decides the order of its sums."""
    return ((x - net.mean) / net.std).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def test_the_deepest_tap_is_the_last_stage_and_not_the_one_before(tiny: Tiny) -> None:
    net = tiny(name="deeplabv3plus", encoder="resnet18").eval()
    x = images(1, (32, 48))
    stages = net.encoder(normalised(net, x))
    assert stages[4].shape[2:] == stages[5].shape[2:] == (2, 3)
    assert torch.equal(net.encode(x)["stride-16"], stages[5])


@pytest.mark.parametrize(("encoder", "rates"), [("mobilenet_v2", [6, 12, 18]), ("drn_d_22", [12, 24, 36])])
def test_rates_follow_the_stride_and_no_dropout_of_the_library_draws(
    tiny: Tiny, encoder: str, rates: list[int]
) -> None:
    net = tiny(name="deeplabv3plus", encoder=encoder)
    branches = list(net.decoder.layers.aspp[0].convs)[1:4]
    assert [branch[0][0].dilation for branch in branches] == [(rate, rate) for rate in rates]
    assert all(module.p == 0 for module in net.decoder.modules() if isinstance(module, nn.Dropout))


def test_a_watch_sees_and_changes_each_layer(tiny: Tiny) -> None:
    net = tiny(name="deeplabv3plus", width=16).eval()
    features, seen = net.encode(images(1, (40, 60))), {}
    with torch.no_grad():
        plain = net.coarse(features)
        same = net.coarse(features, watch=lambda name, x: seen.setdefault(name, x))
        assert torch.equal(plain, same)
        assert tuple(seen) == net.activations
        assert seen["aspp"].shape == (1, 16, 3, 4)
        assert seen["stride-4"].shape == (1, 16 + 48, 12, 16)
        for layer in net.activations:
            blind = net.coarse(features, watch=lambda name, x, gone=layer: x * (name != gone))
            assert not torch.allclose(blind, plain)


def test_a_batch_of_one_can_be_trained_on(tiny: Tiny) -> None:
    net, chance = tiny(name="deeplabv3plus", dropout=0.2).train(), [Chance((1,))]
    pooling = net.decoder.layers.aspp[0].convs[4][2]
    before = pooling.running_mean.clone()
    net(images(1, (40, 60)), chance).square().mean().backward()
    assert torch.equal(pooling.running_mean, before)
    assert all(torch.isfinite(p.grad).all() for p in net.decoder.parameters())
    net(images(2, (40, 60)), chance * 2)
    assert not torch.equal(pooling.running_mean, before)


def test_round_trip(tiny: Tiny, tmp_path) -> None:
    net = tiny(name="deeplabv3plus", encoder="drn_d_22", dropout_at="blocks").eval()
    save_checkpoint(net, tmp_path / "net.pt")
    back = load_checkpoint(tmp_path / "net.pt").eval()
    assert back.dropped == ("aspp", "decoder")
    x = images(1, (40, 60))
    assert torch.equal(net(x), back(x))


@pytest.mark.parametrize("name", ["fpn", "unet"])
def test_decoders_that_need_stride_32_refuse_a_dilated_encoder(tiny: Tiny, name: str) -> None:
    with pytest.raises(SeglensError, match=rf"'{name}' cannot read model.encoder = 'drn_d_22'.*: deeplabv3plus"):
        tiny(name=name, encoder="drn_d_22")


def test_an_encoder_that_cannot_be_dilated_is_refused(tiny: Tiny) -> None:
    with pytest.raises(SeglensError, match=r"unsuitable encoder \(at output stride 16\) 'densenet121'"):
        tiny(name="deeplabv3plus", encoder="densenet121")
