"""What several passes or several networks say of the same images, one of them in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from seglens.models import Committee, SegNet
from seglens.models.network import Features
from seglens.models.precision import autocast
from seglens.types import Chance, SeglensError, Size

PASS_LOGITS = 1 << 22
"""Logits, at the decoder's stride, of as many passes as run together: they share their reading of the features."""


def dropout_passes(
    net: SegNet, features: Features, chances: Sequence[Chance], passes: int, size: Size, precision: str
) -> Iterator[Tensor]:
    """Logits of each pass with dropout on, at the decoder's stride.

    Args:
        net: in eval mode.
        features: of N images.
        chances: one an image; pass t draws from ``child(t)``.
        passes: how many.
        size: (h, w) of the images.
        precision: as ``seglens.models.precision.autocast`` takes it.

    Raises:
        SeglensError: no pass.
    """
    if passes < 1:
        raise SeglensError(f"passes: found {passes}, allowed: 1 or more")
    device = next(net.parameters()).device
    with torch.inference_mode(), autocast(device, precision):
        held = net.before_dropout(features)
    cells = len(chances) * len(net.classes) * size[0] * size[1] // net.decoder.stride**2
    step = max(1, PASS_LOGITS // max(1, cells))
    for start in range(0, passes, step):
        numbers = range(start, min(start + step, passes))
        drawn = [[chance.child(number) for chance in chances] for number in numbers]
        with torch.inference_mode(), autocast(device, precision):
            logits = net.after_dropout_many(held, drawn)
        yield from logits


def committee_probs(
    committee: Committee, net: SegNet, seen: Features | Tensor, few: Sequence[range], size: Size, precision: str
) -> Iterator[Tensor]:
    """Probabilities (N, C, h, w) float32 of each member.

    Args:
        committee: in eval mode.
        net: the network that it was trained beside, in eval mode.
        seen: features of N images by the encoder of ``net``; for members with encoders the images, (N, 3, h, w).
        few: positions of the images that go through the network together.
        size: (h, w) of the images.
        precision: as ``seglens.models.precision.autocast`` takes it.
    """
    device = next(net.parameters()).device
    streams = [committee.opinions(net, _reader(seen, slice(part.start, part.stop))) for part in few]
    for _ in range(committee.count):
        with torch.inference_mode(), autocast(device, precision):  # never open while the reader has its turn
            logits = [net.enlarge(next(stream).float(), size) for stream in streams]
        yield torch.cat([part.softmax(1) for part in logits])


def _reader(seen: Features | Tensor, part: slice) -> Callable[[SegNet], Features]:
    """What gives the features of a part of the images by a network's encoder."""
    if isinstance(seen, Tensor):
        return lambda member: member.encode(seen[part])
    features = {tap: feature[part] for tap, feature in seen.items()}
    return lambda _: features


def perturbed_logits(net: SegNet, images: Tensor, temperature: float, epsilon: float, precision: str) -> Tensor:
    """Logits of images that were moved a little towards what the network says of them.

    One backward for all pixels of all images; it ends in the images and leaves no gradient in the network.

    Args:
        net: in eval mode.
        images: (N, 3, h, w) float32 in [0, 1].
        temperature: T, divides the logits where the direction is taken.
        epsilon: the step of each colour value, of 0 to 1.
        precision: as ``seglens.models.precision.autocast`` takes it.

    Returns:
        (N, C, h, w) float32: the logits of x - epsilon sign(-grad of the sum over pixels of log p1(x; T)).

    Reference:
        Liang et al., Enhancing the reliability of out-of-distribution image detection, ICLR 2018, eq. 2: one p1 an
        image there, the sum over its pixels here.
    """
    device = next(net.parameters()).device
    seen = images.clone().requires_grad_()
    with torch.enable_grad(), autocast(device, precision):
        sure = (net(seen).float() / temperature).log_softmax(1).amax(1).sum()
    (slope,) = torch.autograd.grad(sure, seen)
    with torch.inference_mode(), autocast(device, precision):
        moved: Tensor = net(images + epsilon * slope.sign())
        return moved.float()
