import pytest
import torch
from torch import nn

from seglens.models.drn import DrnD22, Residual
from seglens.models.weights import IMAGENET, build_encoder
from seglens.types import SeglensError

PARAMETERS = 16_393_752
"""Of the published classifier, whose head is a 1x1 convolution of 512 channels to 1000 classes with bias."""


@torch.no_grad()
def test_shapes_and_parameters() -> None:
    net = DrnD22().eval()
    assert sum(p.numel() for p in net.parameters()) + 512 * 1000 + 1000 == PARAMETERS
    found = net(torch.rand(1, 3, 48, 64))
    assert [tuple(x.shape[1:]) for x in found] == [
        (3, 48, 64),
        (32, 24, 32),
        (64, 12, 16),
        (128, 6, 8),
        (256, 6, 8),
        (512, 6, 8),
    ]
    assert net.out_channels == [x.shape[1] for x in found]


def test_layers_are_those_of_the_paper() -> None:
    net = DrnD22()
    assert not any(isinstance(module, nn.MaxPool2d) for module in net.modules())
    wide = [
        [c for c in level.modules() if isinstance(c, nn.Conv2d) and c.kernel_size != (1, 1)] for level in net.levels
    ]
    assert [len(level) for level in wide] == [1, 1, 1, 4, 4, 4, 4, 1, 1]
    assert [level[0].stride[0] for level in wide] == [1, 1, 2, 2, 2, 1, 1, 1, 1]
    dilations = [{c.dilation[0] for c in level} for level in wide]
    assert dilations == [{1}, {1}, {1}, {1}, {1}, {2}, {4}, {2}, {1}]
    blocks = [sum(isinstance(module, Residual) for module in level.modules()) for level in net.levels]
    assert blocks == [0, 0, 0, 2, 2, 2, 2, 0, 0]


@torch.no_grad()
def test_a_block_adds_its_input() -> None:
    block = Residual(4, 4, 1, 2).eval()
    block.second[0].weight.zero_()
    x = torch.rand(1, 4, 8, 8)
    torch.testing.assert_close(block(x), x)


def test_every_level_learns_and_an_image_does_not_depend_on_its_mates() -> None:
    net = DrnD22()
    x = torch.rand(2, 3, 32, 40)
    net(x)[-1].square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in net.parameters())
    net.eval()
    with torch.no_grad():
        torch.testing.assert_close(net(x)[-1][1:], net(x[1:])[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("weights", ["imagenet", "hub"])
def test_weights_that_do_not_exist(weights: str) -> None:
    with pytest.raises(SeglensError, match=rf"found '{weights}', and there are no .*drn_d_22'. Allowed for it: random"):
        build_encoder("drn_d_22", weights)


def test_is_an_encoder() -> None:
    encoder, mean, std = build_encoder("drn_d_22", "random")
    assert isinstance(encoder, DrnD22)
    assert (mean, std) == IMAGENET
