from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from seglens.functional.votes import vote_counts, vote_entropy
from seglens.types import SeglensError


def stacked(passes: list[torch.Tensor], stride: int, size: tuple[int, int]) -> torch.Tensor:
    """The same by enlarging every pass: (passes, N, H, W) classes, then counts."""
    enlarged = [functional.interpolate(z, scale_factor=float(stride), mode="bilinear") for z in passes]
    classes = torch.stack([z[..., : size[0], : size[1]].argmax(1) for z in enlarged])
    return functional.one_hot(classes, passes[0].shape[1]).sum(0).movedim(-1, 1).float()


def draws(count: int, shape: tuple[int, ...], smooth: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    n, c, h, w = shape
    coarse = [torch.randn(n, c, -(-h // smooth), -(-w // smooth), generator=generator) for _ in range(count)]
    return [functional.interpolate(z, (h, w), mode="bilinear") for z in coarse]


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("smooth", [1, 4])
def test_votes_are_those_of_enlarged_passes(stride, smooth):
    passes = draws(7, (2, 5, 9, 12), smooth)
    size = (9 * stride - (stride > 1), 12 * stride - stride // 2)  # the rest is padding
    found = vote_counts(passes, stride, size)
    assert found.shape == (2, 5, *size)
    assert found.dtype == torch.float32
    assert torch.equal(found, stacked(passes, stride, size))


def test_a_class_that_is_nowhere_first_at_the_corners_can_win_between_them():
    # classes 0 and 1 change places between two logits; class 2 is second at both, and first between them
    z = torch.tensor([[10.0, 0.0], [0.0, 10.0], [9.0, 9.0]]).view(1, 3, 1, 2)
    found = vote_counts([z], 4, (4, 8))[0].argmax(0)
    assert found[0].tolist() == [0, 0, 2, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
def test_votes_at_borders_are_clamped(shape):
    passes = draws(3, (1, 4, *shape))
    size = (4 * shape[0], 4 * shape[1])
    assert torch.equal(vote_counts(passes, 4, size), stacked(passes, 4, size))


def test_votes_take_bfloat16_and_infinitely_certain_logits():
    passes = [z.bfloat16() for z in draws(5, (1, 6, 8, 8))]
    assert torch.equal(vote_counts(passes, 4, (32, 32)), stacked([z.float() for z in passes], 4, (32, 32)))
    huge = [torch.where(z == z.amax(1, keepdim=True), 1e30, -1e30) for z in draws(5, (1, 6, 8, 8))]
    assert torch.equal(vote_counts(huge, 4, (32, 32)).sum(1), torch.full((1, 32, 32), 5.0))


def test_passes_are_read_one_at_a_time_and_left_as_they_are():
    passes = draws(3, (1, 4, 5, 5))
    before = [z.clone() for z in passes]
    whole = vote_counts(passes, 4, (20, 20))
    assert torch.equal(vote_counts(iter(passes), 4, (20, 20)), whole)
    assert all(torch.equal(a, b) for a, b in zip(passes, before, strict=True))


def test_votes_refuse_what_they_cannot_count():
    with pytest.raises(ValueError, match="one pass or more, found none"):
        vote_counts([], 4, (8, 8))
    with pytest.raises(ValueError, match="2 x 2 at stride 4 do not cover 9 x 8"):
        vote_counts(draws(1, (1, 3, 2, 2)), 4, (9, 8))
    with pytest.raises(ValueError, match="passes of shapes"):
        vote_counts(draws(1, (1, 3, 2, 2)) + draws(1, (1, 3, 2, 3)), 4, (8, 8))


def test_votes_of_a_network_that_diverged_are_refused():
    passes = draws(1, (1, 4, 6, 6))
    passes[0][0, 1, 3, 3] = torch.nan
    with pytest.raises(SeglensError, match="logits that are not finite"):
        vote_counts(passes, 4, (24, 24))


def test_vote_entropy_equals_the_paper_on_stacked_passes():
    classes = torch.randint(6, (20, 2, 9, 11), generator=torch.Generator().manual_seed(0)) // 2
    votes = functional.one_hot(classes, 6).sum(0).movedim(-1, 1).float()
    q = np.stack([(classes.numpy() == c).mean(0) for c in range(6)], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = -np.where(q > 0, q * np.log(q), 0).sum(1) / math.log(6)
    np.testing.assert_allclose(vote_entropy(votes), expected, atol=1e-6)


def test_vote_entropy_is_zero_where_all_agree_and_one_where_votes_are_even():
    agreed = torch.zeros(1, 5, 2, 2)
    agreed[:, 3] = 20
    assert vote_entropy(agreed).abs().max() < 1e-6
    assert vote_entropy(torch.full((2, 19, 3, 3), 4.0)).sub(1).abs().max() < 1e-6
    with pytest.raises(ValueError, match="at least 2, found"):
        vote_entropy(torch.ones(1, 1, 2, 2))
