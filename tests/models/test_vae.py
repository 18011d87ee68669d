"""The autoencoder, the discriminator, and what they say of whole images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from seglens.models import TaVaalNet, VaalNet, load_member, save_member
from seglens.models.vae import SMALL, Vae
from seglens.protocols import Judge
from seglens.types import Size

CHANNELS = (4, 6)


@pytest.fixture(params=["vaal", "ta-vaal"])
def net(request: pytest.FixtureRequest) -> VaalNet:
    torch.manual_seed(0)
    built = VaalNet(8, 8) if request.param == "vaal" else TaVaalNet(CHANNELS, head=16, latent=8, width=8)
    torch.nn.init.normal_(built.discriminator[-1].weight)  # as if it had learnt
    return built.eval()


def said(net: VaalNet, images: Tensor, stages: Tensor) -> Tensor:
    asked: list[Size] = []

    def small(size: Size) -> Tensor:
        asked.append(size)
        return images

    with torch.no_grad():
        found = net.judge(lambda: stages, small)
    assert asked == [SMALL]
    return found


def pictures(count: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, *SMALL, generator=draw), torch.rand(count, sum(CHANNELS), generator=draw)


def test_it_says_a_probability_of_each_image_whatever_stands_beside_it(net) -> None:
    assert isinstance(net, Judge)
    images, stages = pictures(5)
    whole = said(net, images, stages)
    assert whole.shape == (5, 1)
    assert ((whole > 0) & (whole < 1)).all()
    assert whole.unique().numel() == 5
    for i in range(5):
        torch.testing.assert_close(said(net, images[i : i + 1], stages[i : i + 1])[0], whole[i])
    net.train()
    torch.testing.assert_close(said(net, images, stages), whole)  # no norm, no dropout knows of a mode


def test_only_ta_vaal_reads_stages(net) -> None:
    images, stages = pictures(4)
    changed = not torch.equal(said(net, images, stages), said(net, images, stages + 1))
    assert changed == (net.kind == "ta-vaal")
    if net.kind == "vaal":

        def refuse() -> Tensor:
            raise AssertionError("read")

        net.judge(refuse, lambda size: images)


def test_untrained_it_says_one_half_of_everything() -> None:
    assert (said(VaalNet(8, 8), *pictures(3)) == 0.5).all()


def test_it_is_saved_and_loaded(net, tmp_path: Path) -> None:
    save_member(net, tmp_path / "member.pt")
    again = load_member(tmp_path / "member.pt")
    assert type(again) is type(net)
    assert again.spec == net.spec
    assert torch.equal(said(again.eval(), *pictures(3)), said(net, *pictures(3)))


def test_the_rank_stands_beside_the_latent_in_the_decoder_too() -> None:
    net = TaVaalNet(CHANNELS, head=16, latent=8, width=8)
    rank = net.beside(lambda: pictures(3)[1], 3)
    assert rank.shape == (3, 1)
    assert ((rank > 0) & (rank < 1)).all()
    assert not rank.requires_grad
    assert net.vae.from_latent.in_features == net.discriminator[0].in_features == 9


def test_it_decodes_into_images() -> None:
    vae = Vae(latent=5, width=8)
    images, _ = pictures(2)
    mean, log_variance = vae.encode(images)
    again = vae.decode(mean)
    assert again.shape == images.shape
    assert ((again >= 0) & (again <= 1)).all()
    assert mean.shape == log_variance.shape == (2, 5)
