"""Optimiser, learning-rate schedule as a pure function of the step, and averaged weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seglens.config import TrainConfig
from seglens.models.network import SegNet

WARM_UP = 0.1


def build_optimiser(net: SegNet, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser, with the encoder in a group of its own; each group keeps its ``peak`` learning rate."""
    encoder = [p for p in net.encoder.parameters() if p.requires_grad]
    rest = [p for module in (net.decoder, net.head) for p in module.parameters() if p.requires_grad]
    groups = [{"params": rest, "lr": config.lr, "peak": config.lr}]
    if encoder:
        groups.append({"params": encoder, "lr": config.encoder_lr, "peak": config.encoder_lr})
    return optimiser_of(groups, config)


def optimiser_of(groups: list[dict[str, Any]], config: TrainConfig) -> torch.optim.Optimizer:
    """The recipe's optimiser of groups ``{params, lr, peak}``."""
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=config.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay)


def learning_rate_factor(schedule: str, step: int, steps: int, drop_at: float = 2 / 3) -> float:
    """What the peak learning rate is multiplied by.

    Args:
        schedule: ``one-cycle`` (linear up over the first tenth, then a half cosine down to 0), ``constant``, or
            ``step`` (a tenth once ``drop_at`` of the steps are done).
        step: from 0.
        steps: in all.
        drop_at: share of the steps, for ``step``.

    Example:
        >>> [round(learning_rate_factor("one-cycle", step, 100), 2) for step in (0, 9, 54, 99)]
        [0.1, 1.0, 0.5, 0.0]
    """
    if schedule == "constant":
        return 1.0
    if schedule == "step":
        return 1.0 if step < drop_at * steps - 1e-6 else 0.1  # 0.7 * 30 is a little more than 21
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step + 1 - rise) / max(1, steps - rise)))


def set_learning_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Give every group its peak learning rate times ``factor``."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * factor


class Ema:
    """An exponential moving average of a network's weights and buffers; its decay warms up with the steps.

    Reference:
        Polyak and Juditsky, SIAM J. Control Optim. 30(4), 1992; warm-up min(decay, (1 + t) / (10 + t)) as in
        TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, net: SegNet, decay: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards ``net`` after ``step`` (from 0)."""
        mine, theirs = self.net.state_dict(), net.state_dict()
        moving = {key: mine[key] for key in mine if not (self.net.frozen and key.startswith("encoder."))}
        average(moving, theirs, self.decay, step)


@torch.no_grad()
def average(mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor], decay: float, step: int) -> None:
    """Move ``mine`` towards ``theirs`` after ``step`` (from 0), as ``Ema`` says; whole numbers are copied."""
    decay = min(decay, (1 + step) / (10 + step))
    floats = [key for key in mine if mine[key].is_floating_point()]
    torch._foreach_lerp_([mine[key] for key in floats], [theirs[key] for key in floats], 1 - decay)
    for key in mine:
        if not mine[key].is_floating_point():
            mine[key].copy_(theirs[key])
