import re
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from seglens.config import ModelConfig
from seglens.models import SegNet, build_network
from seglens.registry import networks
from seglens.types import Chance, ClassTable, SeglensError

CLASSES = ClassTable(("a", "b", "c"), ((0, 0, 0),) * 3)
Tiny = Callable[..., SegNet]


@pytest.mark.parametrize("name", sorted(networks.names()))
@pytest.mark.parametrize("size", [(40, 60), (64, 64), (33, 97)])
def test_sizes_in_sizes_out(tiny: Tiny, name: str, size: tuple[int, int]) -> None:
    net = tiny(name=name).eval()
    images = torch.rand(2, 3, *size)
    features = net.encode(images)
    assert tuple(features) == net.taps
    padded = [-(-n // net.stride) * net.stride for n in size]
    for tap, value in features.items():
        stride = int(tap.removeprefix("stride-"))
        assert list(value.shape[2:]) == [n // stride for n in padded]
    logits = net(images)
    assert logits.shape == (2, 3, *size)
    assert torch.equal(logits, net.decode(features, size))


@pytest.mark.parametrize("size", [(40, 60), (33, 97)])
def test_transposed_upsampling_learns_its_enlarging(tiny: Tiny, size: tuple[int, int]) -> None:
    near, net = tiny(name="unet"), tiny(name="unet", upsampling="transposed", dropout=0.0)
    widths = [net.encoder.out_channels[-1], 256, 128, 64, 32]
    count = [sum(p.numel() for p in n.parameters()) for n in (near, net)]
    assert count[1] - count[0] == sum(4 * w * w + w for w in widths)
    assert net.taps == near.taps
    logits = net(torch.rand(2, 3, *size))
    assert logits.shape == (2, 3, *size)
    logits.square().mean().backward()
    enlarging = [m for m in net.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [m.in_channels for m in enlarging] == widths
    for layer in enlarging:
        assert layer.weight.grad is not None
        assert layer.weight.grad.abs().sum() > 0


def test_a_transposed_convolution_of_ones_is_nearest_neighbour(tiny: Tiny) -> None:
    near, net = tiny(name="unet").eval(), tiny(name="unet", upsampling="transposed").eval()
    weights = {re.sub(r"(blocks\.\d)", r"\1.block", key): value for key, value in near.state_dict().items()}
    weights |= {key: value for key, value in near.state_dict().items() if key.startswith("encoder.")}
    weights = {key: value for key, value in weights.items() if key in net.state_dict()}
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.ConvTranspose2d):
            eye = torch.eye(module.in_channels)[:, :, None, None].expand(-1, -1, 2, 2)
            weights |= {f"{name}.weight": eye, f"{name}.bias": torch.zeros(module.in_channels)}
    net.load_state_dict(weights)
    images = torch.rand(1, 3, 40, 60)
    torch.testing.assert_close(net(images), near(images), atol=1e-5, rtol=1e-4)


def test_fpn_ignores_upsampling(tiny: Tiny) -> None:
    plain, asked = tiny(name="fpn"), tiny(name="fpn", upsampling="transposed")
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), asked.parameters(), strict=True))


def test_taps_are_those_the_decoder_needs(tiny: Tiny) -> None:
    assert tiny(name="fpn").taps == ("stride-4", "stride-8", "stride-16", "stride-32")
    assert tiny(name="unet").taps == ("stride-2", "stride-4", "stride-8", "stride-16", "stride-32")


@pytest.mark.parametrize("name", ["fpn", "unet"])
def test_logits_of_an_image_do_not_depend_on_its_mates(tiny: Tiny, name: str) -> None:
    net = tiny(name=name).eval()
    images = torch.rand(3, 3, 40, 60)
    torch.testing.assert_close(net(images)[1:2], net(images[1:2]), atol=1e-5, rtol=1e-4)


def test_float16_features_decode_in_the_dtype_of_the_net(tiny: Tiny) -> None:
    net = tiny().eval()
    features = net.encode(torch.rand(1, 3, 40, 60))
    half = net.decode({tap: f.half() for tap, f in features.items()}, (40, 60))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, net.decode(features, (40, 60)), atol=2e-2, rtol=2e-2)


def test_pieces_make_the_whole_and_dropout_sits_behind_the_trunk(tiny: Tiny) -> None:
    net = tiny(dropout=0.5).eval()
    chances = [Chance((i,)) for i in range(2)]
    features = net.encode(torch.rand(2, 3, 40, 60))
    trunk = net.trunk(features)
    assert trunk.shape == (2, 32, 16, 16)
    again = net.enlarge(net.classify(trunk, chances), (40, 60))
    assert torch.equal(again, net.decode(features, (40, 60), chances))
    assert not torch.allclose(again, net.decode(features, (40, 60)))


def test_normalisation_is_inside(tiny: Tiny) -> None:
    net = tiny(encoder="resnet18").eval()
    images = torch.rand(1, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    wanted = net.encoder((images - mean[:, None, None]) / std[:, None, None])
    torch.testing.assert_close(net.encode(images)["stride-8"], wanted[3])


def test_padding_repeats_the_edge_and_is_cropped(tiny: Tiny) -> None:
    net = tiny().eval()
    images = torch.rand(1, 3, 40, 60)
    by_hand = functional.pad(images, (0, 4, 0, 24), mode="replicate")
    torch.testing.assert_close(net(images), net(by_hand)[..., :40, :60], atol=1e-5, rtol=1e-4)


def test_frozen_encoder_stays_in_eval_and_does_not_move(tiny: Tiny) -> None:
    net = tiny(dropout=0.0)
    net.freeze_encoder()
    before = {k: v.clone() for k, v in net.encoder.state_dict().items()}
    net.train()
    net(torch.rand(2, 3, 40, 60)).sum().backward()
    assert net.training
    assert not net.encoder.training
    assert all(p.grad is None for p in net.encoder.parameters())
    assert all(torch.equal(before[k], v) for k, v in net.encoder.state_dict().items())
    net.freeze_encoder(False)
    assert net.encoder.training


def test_weights_come_from_chance_and_the_global_generator_is_left_alone(tiny: Tiny) -> None:
    before = torch.get_rng_state()
    one, same, other = tiny(seed=1), tiny(seed=1), tiny(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.head[0].weight, other.head[0].weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "fnp"}, "did you mean 'fpn'"),
        ({"width": 48}, "model.width: found 48"),
        ({"encoder": "resnet19"}, "model.encoder.*'resnet19'"),
        ({"encoder": "tu-nosuch"}, "model.encoder.*'tu-nosuch'"),
        ({"encoder": "resnet18", "weights": "imagenet"}, "embedded for the encoder tu-tf_efficientnet_lite0 only"),
        ({"weights": "nothing.pt"}, r"nothing\.pt: no such file"),
    ],
)
def test_clear_errors(change: dict[str, object], message: str) -> None:
    values = {"encoder": "tu-test_efficientnet", "weights": "random", **change}
    with pytest.raises(SeglensError, match=message):
        build_network(ModelConfig.model_validate(values), CLASSES, Chance((0,)))
