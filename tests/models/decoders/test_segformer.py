from collections.abc import Callable

import pytest
import torch
from segmentation_models_pytorch import Segformer
from torch import nn

from seglens.models import SegNet, load_checkpoint, save_checkpoint
from seglens.types import Chance, SeglensError

Tiny = Callable[..., SegNet]
SIZE = (40, 60)


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, *SIZE, generator=Chance(("images",)).torch())


@pytest.fixture
def b0(tiny: Tiny) -> SegNet:
    """SegFormer-B0 with a narrow head."""
    return tiny(name="segformer", encoder="mit_b0", width=24)


@torch.no_grad()
def test_is_the_librarys(b0: SegNet) -> None:
    whole = Segformer("mit_b0", encoder_weights=None, decoder_segmentation_channels=24, classes=3).eval()
    whole.encoder.load_state_dict(b0.encoder.state_dict())
    whole.decoder.load_state_dict(b0.decoder.layers.state_dict())
    whole.segmentation_head.load_state_dict(b0.head.state_dict())
    x = torch.rand(2, 3, 64, 96)
    wanted = whole.segmentation_head[0](whole.decoder(whole.encoder((x - b0.mean) / b0.std)))
    torch.testing.assert_close(b0.eval().coarse(b0.encode(x)), wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_stages_of_a_transformer_are_cached_and_decoded(b0: SegNet) -> None:
    features = b0.eval().encode(images(2))
    assert {tap: x.shape[1] for tap, x in features.items()} == {
        "stride-4": 32, "stride-8": 64, "stride-16": 160, "stride-32": 256,
    }  # fmt: skip
    logits = b0(images(2))
    assert logits.shape == (2, 3, *SIZE)
    half = b0.decode({tap: x.half() for tap, x in features.items()}, SIZE)
    torch.testing.assert_close(half, logits, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("frozen", [True, False])
def test_it_trains_in_both_rhythms_and_draws_nothing_itself(b0: SegNet, frozen: bool) -> None:
    b0.freeze_encoder(frozen)
    b0.train()
    state, chances = torch.get_rng_state(), [Chance((i,)) for i in range(2)]
    logits = b0(images(2), chances)
    assert torch.equal(torch.get_rng_state(), state)
    logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in b0.decoder.parameters())
    assert all((p.grad is None) == frozen for p in b0.encoder.parameters())


def test_a_watch_sees_and_changes_each_layer(b0: SegNet) -> None:
    features, seen = b0.eval().encode(images(1)), {}
    with torch.no_grad():
        plain = b0.coarse(features)
        assert torch.equal(plain, b0.coarse(features, watch=lambda name, x: seen.setdefault(name, x)))
        assert tuple(seen) == b0.activations
        for layer in b0.activations:
            blind = b0.coarse(features, watch=lambda name, x, gone=layer: x * (name != gone))
            assert not torch.allclose(blind, plain)


def test_any_encoder_of_stride_32_has_the_stages_it_reads(tiny: Tiny) -> None:
    net = tiny(name="segformer", width=24).eval()
    assert net.taps == ("stride-4", "stride-8", "stride-16", "stride-32")
    assert sum(isinstance(m, nn.Linear) for m in net.decoder.modules()) == 4
    with pytest.raises(SeglensError, match=r"'segformer' cannot read model\.encoder = 'drn_d_22'"):
        tiny(name="segformer", encoder="drn_d_22")


def test_round_trip(b0: SegNet, tmp_path) -> None:
    save_checkpoint(b0.eval(), tmp_path / "net.pt")
    back = load_checkpoint(tmp_path / "net.pt").eval()
    assert torch.equal(b0(images(1)), back(images(1)))


@pytest.mark.parametrize("weights", ["imagenet", "hub"])
def test_weights_that_are_not_here_are_refused(tiny: Tiny, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SeglensError, match=r"model\.(weights|encoder): .*'?mit_b0"):
        tiny(name="segformer", encoder="mit_b0", weights=weights)
