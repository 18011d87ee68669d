import pytest
import torch

from seglens.models.dropout import ChannelDropout
from seglens.types import Chance, SeglensError

CHANCES = [Chance((0, 1, "mc", f"image {i}", 0)) for i in range(6)]


def test_mask_is_of_the_image_whatever_mates_order_and_batch_size() -> None:
    drop, x = ChannelDropout(0.5), torch.rand(6, 64, 3, 4)
    whole = drop(x, CHANCES)
    back = drop(x.flip(0), CHANCES[::-1]).flip(0)
    single = torch.cat([drop(x[i : i + 1], CHANCES[i : i + 1]) for i in range(6)])
    assert torch.equal(whole, back)
    assert torch.equal(whole, single)


def test_passes_and_images_differ() -> None:
    drop, x = ChannelDropout(0.5).eval(), torch.ones(1, 64, 1, 1)
    masks = {tuple(drop(x, [Chance((0, 1, "mc", id, n))]).flatten().tolist()) for id in "ab" for n in range(3)}
    assert len(masks) == 6


def test_whole_channels_are_dropped_at_the_rate_and_the_mean_is_kept() -> None:
    x = torch.ones(200, 100, 2, 2)
    out = ChannelDropout(0.3)(x, [Chance((i,)) for i in range(200)])
    assert out.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert torch.equal(out.amax((2, 3)), out.amin((2, 3)))
    assert float((out == 0).float().mean()) == pytest.approx(0.3, abs=0.015)
    assert float(out.mean()) == pytest.approx(1, abs=0.03)


def test_each_place_draws_masks_of_its_own() -> None:
    drop, x = ChannelDropout(0.5).eval(), torch.ones(2, 64, 1, 1)
    masks = [drop(x, CHANCES[:2], place) for place in ("decoder", "aspp", "block-8")]
    assert not any(torch.equal(a, b) for i, a in enumerate(masks) for b in masks[:i])
    assert torch.equal(masks[0], drop(x, CHANCES[:2]))
    assert torch.equal(masks[1], drop(x, CHANCES[:2], "aspp"))
    assert torch.equal(masks[1][:, :, 0, 0], drop.factors(64, CHANCES[:2], "aspp"))
    longer = drop.factors(80, CHANCES[:2], "aspp")  # of (chance, place) alone: what else is there has no say
    assert torch.equal(longer[:, :64], masks[1][:, :, 0, 0])


def test_identity_in_eval_without_chances_and_at_p_0() -> None:
    x = torch.rand(2, 4, 1, 1)
    assert torch.equal(ChannelDropout(0.9).eval()(x), x)
    assert torch.equal(ChannelDropout(0.0)(x), x)


def test_errors_and_the_global_generator_is_left_alone() -> None:
    drop, x = ChannelDropout(0.5), torch.rand(2, 4, 1, 1)
    before = torch.get_rng_state()
    drop(x, CHANCES[:2])
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(SeglensError, match=r"dropout.*without chances"):
        drop(x)
    with pytest.raises(SeglensError, match="3 chances for 2 images"):
        drop(x, CHANCES[:3])
