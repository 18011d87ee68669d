"""The head that predicts losses: its form, that it learns to rank, and that it is saved whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from seglens.models import LossHead, load_member, save_member
from seglens.protocols import Judge
from seglens.training.losses import rank_loss
from seglens.types import Chance, SeglensError

CHANNELS = (16, 24, 40, 80, 112, 320)


def drawn(channels: tuple[int, ...] = CHANNELS) -> LossHead:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return LossHead(channels)


def test_each_stage_has_a_layer_of_its_own() -> None:
    head = drawn()
    stages = torch.randn(5, 592, generator=Chance((0,)).torch())
    parts, start = [], 0
    for layer, count in zip(head.layers, CHANNELS, strict=True):
        assert isinstance(layer, torch.nn.Linear)
        parts.append((stages[:, start : start + count] @ layer.weight.T + layer.bias).clamp_min(0))
        start += count
    hidden = torch.cat(parts, 1)
    assert hidden.shape == (5, 768)
    torch.testing.assert_close(head(stages), hidden @ head.rating.weight.T + head.rating.bias)


def world(count: int, chance: Chance) -> tuple[Tensor, Tensor]:
    """Stages of ``count`` images, and losses that are hidden in two of them by a curve."""
    stages = 0.4 * torch.randn(count, 592, generator=chance.torch()) + 0.2
    hidden = stages[:, 20:30].mean(1) - 2 * stages[:, 300:340].mean(1).abs()
    return stages, 3 * hidden.exp() + 0.02 * torch.randn(count, generator=chance.child("noise").torch())


def test_it_learns_to_rank_images_that_it_has_not_seen() -> None:
    stages, losses = world(600, Chance((0, "toy")))
    held_out, truth = world(300, Chance((1, "toy")))
    head = drawn()
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=5e-4)
    order = Chance((0, "order")).torch()
    assert abs(spearmanr(head(held_out)[:, 0].detach(), truth).statistic) < 0.3
    for _ in range(400):
        places = torch.randperm(len(stages), generator=order)[:16]
        optimiser.zero_grad()
        rank_loss(head(stages[places])[:, 0], losses[places]).backward()
        optimiser.step()
    assert spearmanr(head(held_out)[:, 0].detach(), truth).statistic > 0.8


def test_it_judges_by_the_stages_alone_and_is_saved_whole(tmp_path: Path) -> None:
    head = drawn((16, 24)).eval()
    assert isinstance(head, Judge)
    stages = torch.randn(3, 40, generator=Chance((0,)).torch())

    def images(size: tuple[int, int]) -> Tensor:
        raise AssertionError("it does not look at images")

    said = head.judge(lambda: stages, images)
    assert said.shape == (3, 1)
    save_member(head, tmp_path / "loss-head.pt")
    again = load_member(tmp_path / "loss-head.pt")
    assert isinstance(again, LossHead)
    assert again.channels == (16, 24)
    assert torch.equal(again.judge(lambda: stages, images), said)


def test_stages_of_another_encoder_are_refused() -> None:
    with pytest.raises(SeglensError, match=r"loss-head: expected .* \(N, 592\), found \(2, 40\)"):
        drawn()(torch.zeros(2, 40))
