"""What a training learns from, and its batches: drawn without state from (chance, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seglens.config import TrainConfig
from seglens.models.features import FeatureCache
from seglens.protocols import SegDataset
from seglens.types import Chance, ImageId, Settled


@dataclass(frozen=True)
class TrainSource:
    """Labelled images.

    Args:
        data: the images.
        ids: those with any label.
        settled: the labels of an image, in its own pixels.
        cache: features of the images, for the interactive rhythm; filled by the training where it is not.
        pool: all images that may be asked about, for companions that compare labelled and unlabelled ones.
    """

    data: SegDataset
    ids: Sequence[ImageId]
    settled: Callable[[ImageId], Settled]
    cache: FeatureCache | None = None
    pool: Sequence[ImageId] = ()


@dataclass(frozen=True)
class Course:
    """A training, as its companions see it.

    Args:
        source: what is learnt from.
        config: the recipe.
        chance: of this training; a companion takes ``chance.child(its name)``.
        steps: optimiser steps in all.
        class_weights: (C,) of the loss of labels, or None = 1.
    """

    source: TrainSource
    config: TrainConfig
    chance: Chance
    steps: int
    class_weights: Tensor | None = None


@dataclass(frozen=True)
class Draw:
    """One image of a batch: which, and the chance of whatever is drawn about it in this step."""

    id: ImageId
    chance: Chance


def draw_batch(ids: Sequence[ImageId], step: int, batch: int, chance: Chance) -> list[Draw]:
    """The images of one step: epoch after epoch, each a new order of all images, cut into batches.

    A batch may span two epochs and, with few images, hold one several times.

    Args:
        ids: images to draw from.
        step: number of the step, from 0.
        batch: images a step.
        chance: of the training.

    Example:
        >>> draws = [d.id for step in range(3) for d in draw_batch("abcd", step, 4, Chance((0,)))]
        >>> sorted(draws[:4]), sorted(draws[4:8])
        (['a', 'b', 'c', 'd'], ['a', 'b', 'c', 'd'])
    """
    draws = []
    order: Tensor | None = None
    for use in range(step * batch, (step + 1) * batch):
        epoch, place = divmod(use, len(ids))
        if order is None or place == 0:
            order = torch.randperm(len(ids), generator=chance.child("order", epoch).torch())
        draws.append(Draw(ids[int(order[place])], chance.child("use", use)))
    return draws
