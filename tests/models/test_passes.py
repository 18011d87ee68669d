"""Passes that share what no dropout touches, against the plain forward pass with the same masks."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from seglens.models import SegNet
from seglens.models.decoders import dropout_places
from seglens.models.passes import folded, fused_passes, head_passes
from seglens.registry import networks
from seglens.types import Chance, SeglensError

Tiny = Callable[..., SegNet]
SIZE = (40, 60)
PLACES = [
    ("deeplabv3plus", "aspp"),
    ("deeplabv3plus", "blocks"),
    ("deeplabv3plus", "decoder"),
    ("fpn", "blocks"),
    ("fpn", "decoder"),
    ("segformer", "blocks"),
    ("segformer", "decoder"),
    ("unet", "blocks"),
    ("unet", "decoder"),
]


def lively(net: SegNet) -> SegNet:
    """Batch norms with statistics, scales and shifts of their own, as training leaves them; in eval."""
    draw = Chance(("norms",)).torch()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5)):
                value.data.uniform_(low, low + 1, generator=draw)
            module.running_var.data.uniform_(0.5, 2, generator=draw)
    return net.eval()


def chances(passes: int, images: int) -> list[list[Chance]]:
    return [[Chance((7, f"image {n}", t)) for n in range(images)] for t in range(passes)]


def test_every_place_of_every_decoder_is_tried() -> None:
    assert sorted(PLACES) == sorted((name, at) for name in networks for at in networks.get(name).places)


@pytest.mark.parametrize(("name", "at"), PLACES)
@torch.no_grad()
def test_shared_passes_equal_plain_ones(tiny: Tiny, name: str, at: str) -> None:
    net = lively(tiny(name=name, dropout=0.3, dropout_at=at))
    features = net.encode(torch.rand(2, 3, *SIZE))
    drawn = chances(3, 2)
    held = net.before_dropout(features)
    assert all(len(x) == 2 for x in held)
    many = net.after_dropout_many(held, drawn)
    for t, row in enumerate(drawn):
        wanted = net.decode(features, SIZE, row)
        torch.testing.assert_close(net.enlarge(net.after_dropout(held, row), SIZE), wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(net.enlarge(many[t], SIZE), wanted, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(wanted, net.decode(features, SIZE), atol=1e-3)
    assert not torch.allclose(many[0], many[1], atol=1e-3)


@pytest.mark.parametrize("at", ["blocks", "decoder"])
@torch.no_grad()
def test_transposed_upsampling_shares_too(tiny: Tiny, at: str) -> None:
    net = lively(tiny(name="unet", upsampling="transposed", dropout=0.3, dropout_at=at))
    features, (row,) = net.encode(torch.rand(1, 3, *SIZE)), chances(1, 1)
    shared = net.after_dropout(net.before_dropout(features), row)
    torch.testing.assert_close(shared, net.coarse(features, row), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_cached_features_and_a_width_of_which_all_is_dropped(tiny: Tiny) -> None:
    net = lively(tiny(name="deeplabv3plus", width=1, dropout=0.9, dropout_at="blocks"))
    features = {tap: x.half() for tap, x in net.encode(torch.rand(1, 3, *SIZE)).items()}
    held, drawn = net.before_dropout(features), chances(6, 1)
    wanted = torch.stack([net.coarse(features, row) for row in drawn])
    torch.testing.assert_close(net.after_dropout_many(held, drawn), wanted, atol=1e-5, rtol=1e-5)
    bias = net.head[0].bias[:, None, None]
    assert any(torch.equal(one[0], bias.expand_as(one[0])) for one in wanted)


@pytest.mark.parametrize(("name", "at"), PLACES)
@torch.no_grad()
def test_a_pass_is_of_the_image_whatever_its_mates(tiny: Tiny, name: str, at: str) -> None:
    net = lively(tiny(name=name, dropout=0.3, dropout_at=at))
    images, (row,) = torch.rand(3, 3, *SIZE), chances(1, 3)
    together, alone = net(images, row), net(images[1:2], row[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)
    held, single = net.before_dropout(net.encode(images)), net.before_dropout(net.encode(images[1:2]))
    shared = net.after_dropout(held, row)[1:2]
    torch.testing.assert_close(shared, net.after_dropout(single, row[1:2]), atol=1e-5, rtol=1e-4)
    swapped = net.after_dropout(net.before_dropout(net.encode(images.flip(0))), row[::-1])
    torch.testing.assert_close(swapped[1:2], shared, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "at"), PLACES)
def test_training_drops_at_the_same_places(tiny: Tiny, name: str, at: str) -> None:
    net = tiny(name=name, dropout=0.3, dropout_at=at).train()
    images, (row,) = torch.rand(2, 3, *SIZE), chances(1, 2)
    features = net.encode(images)
    seen: list[str] = []
    drawn = net.dropout.factors

    def counted(channels: int, chances: list[Chance], place: str = "decoder") -> torch.Tensor:
        seen.append(place)
        return drawn(channels, chances, place)

    net.dropout.factors = counted
    net.coarse(features, row).square().mean().backward()
    assert tuple(seen) == dropout_places(net.config)
    with pytest.raises(SeglensError, match="without chances"):
        net.coarse(features)
    with pytest.raises(SeglensError, match=r"in eval only"):
        net.before_dropout(features)


@torch.no_grad()
def test_nothing_to_drop(tiny: Tiny) -> None:
    net = lively(tiny(name="deeplabv3plus", dropout=0.0))
    features = net.encode(torch.rand(1, 3, *SIZE))
    passes = net.after_dropout_many(net.before_dropout(features), chances(2, 1))
    torch.testing.assert_close(passes, net.coarse(features).expand(2, -1, -1, -1, -1))
    with pytest.raises(SeglensError, match=r"found \[3, 3\] chances for 1 images"):
        net.after_dropout_many(net.before_dropout(features), chances(2, 3))


@pytest.mark.parametrize(
    ("name", "at", "allowed"),
    [("fpn", "aspp", "default, blocks, decoder"), ("unet", "aspp", "default, blocks, decoder")],
)
def test_a_place_that_a_decoder_does_not_have(tiny: Tiny, name: str, at: str, allowed: str) -> None:
    with pytest.raises(SeglensError, match=rf"dropout_at: found '{at}' with model.name: {name}. .*: {allowed}"):
        tiny(name=name, dropout_at=at)


def test_default_places(tiny: Tiny) -> None:
    found = {name: tiny(name=name).dropped for name in networks}
    behind = dict.fromkeys(("fpn", "segformer", "unet"), ("decoder",))
    assert found == {"deeplabv3plus": ("aspp",), **behind}


@torch.no_grad()
def test_pieces_against_loops() -> None:
    conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5).eval()
    for value in (norm.weight, norm.bias, norm.running_mean):
        value.data.normal_()
    x = torch.randn(2, 3, 6, 7)
    torch.testing.assert_close(nn.functional.conv2d(x, *folded(conv, norm)), norm(conv(x)))
    head = nn.Conv2d(3, 4, 3, padding=1)
    factors = (torch.rand(6, 2, 3) > 0.3) / 0.7
    passes = head_passes(x, head.weight, head.bias, factors)
    torch.testing.assert_close(passes, torch.stack([head(x * f[:, :, None, None]) for f in factors]))
    factors = torch.rand(6, 2, 3)
    constant, weight, heads = torch.randn(2, 5, 42), torch.randn(5, 3), torch.randn(6, 2, 4, 5)
    factors[0, 0] = 0  # an image that loses every channel
    heads[1, 1, :, 2] = 0
    mixed = (torch.einsum("oa,tna,nap->tnop", weight, factors, x.flatten(2)) + constant).relu()
    wanted = torch.einsum("tnco,tnop->tncp", heads, mixed) + head.bias[:, None]
    torch.testing.assert_close(fused_passes(x.flatten(2), constant, weight, factors, heads, head.bias), wanted)
