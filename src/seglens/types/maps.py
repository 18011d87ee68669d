"""Maps at the model's size: what is trained towards, how much each pixel would teach, what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seglens.types.words import FloatArray, ImageId, Size

Aggregate: TypeAlias = Literal["mean", "max", "top"]


@dataclass
class Targets:
    """What a batch is trained towards, at the size of the logits.

    Args:
        index: (N, H, W) int64 class, IGNORE where there is none.
        weight: (N, H, W) float32 weight of each pixel (by provenance).
        regions: (N, H, W) int32 entry in ``sets`` for pixels that carry a class set, -1 elsewhere; None = no sets.
        sets: (S, C) bool: the classes of each entry.
    """

    index: Tensor
    weight: Tensor
    regions: Tensor | None = None
    sets: Tensor | None = None


@dataclass
class PixelScore:
    """How much each pixel would teach.

    Args:
        value: (N, H, W) float32, higher = ask sooner.
        group: (N, H, W) int64 predicted class, or None; rows then keep the value by class, (R, C).
        dense: (N, K, H, W) float32 further maps to keep: rows hold their means by region, asked images the maps.
        sums: totals over the pool's pixels that ``Score.finish`` needs, summed over chunks.
        classes: number of classes C, needed with ``group``.
        names: the K names of ``dense``.
        by_class: (N, C, H, W) float32 score of each pixel for each class, or None; rows then keep these by region
            instead of the value by predicted class.
        aggregate: how a region's pixels become its ``by_class``: their ``mean``, their ``max``, or the mean of the
            ``top`` tenth.
    """

    value: Tensor
    group: Tensor | None = None
    dense: Tensor | None = None
    sums: dict[str, FloatArray] = field(default_factory=dict)
    classes: int = 0
    names: tuple[str, ...] = ()
    by_class: Tensor | None = None
    aggregate: Aggregate = "mean"


@dataclass(frozen=True)
class Gate:
    """How a proximity map turns an image into a depth-informed one (SegXAL, section 3.2.2).

    Args:
        patches: rows and columns of the grid whose mean proximities are compared (patchwise depth).
        threshold: what the threshold of an image follows: ``nearest`` (the ``percentile`` of its patches minus
            ``spread`` standard deviations of them), ``median`` or ``otsu``.
        percentile: of the patches' proximity, 0 to 100: how near the nearest objects are.
        spread: standard deviations below it that still count as near.
        mode: ``hard`` (a patch is kept or black) or ``soft`` (a far patch fades with its proximity).
        faded: whether the maps made of the gated image fade like it (a deviation from the paper's text).
    """

    patches: Size = (16, 32)
    threshold: Literal["nearest", "median", "otsu"] = "nearest"
    percentile: float = 95.0
    spread: float = 1.0
    mode: Literal["hard", "soft"] = "soft"
    faded: bool = False


@dataclass(frozen=True)
class CamSpec:
    """Which class activation map (Seg-Grad-CAM).

    Args:
        layer: whose activation is weighted: ``bottleneck`` (deepest encoder features), a decoder layer by its stride
            (``stride-16``, ``stride-8``, ...), or ``trunk`` (what the head sees).
        classes: ``present``: a map for every predicted class; ``all``: one map for all of them at once (the sum of
            each pixel's highest logit).
        weights: ``mean`` of the gradients over the map, or ``positive``: their sum over the sum of the positive ones.
        aggregate: how the maps of an image's classes become one: ``max``, or ``share`` (mean weighted by each class's
            share of the prediction).
        normalise: of each class's map: ``min-max``, ``peak`` (divided by its maximum) or ``none``.
        gate: the network sees the depth-informed image; None = the plain one.
    """

    layer: str = "stride-8"
    classes: Literal["present", "all"] = "present"
    weights: Literal["mean", "positive"] = "mean"
    aggregate: Literal["max", "share"] = "max"
    normalise: Literal["min-max", "peak", "none"] = "min-max"
    gate: Gate | None = None


@dataclass(frozen=True)
class Seen:
    """An image that was asked about, as the model saw it then, and where its prediction proved wrong.

    ``maps``: name to (h, w) float32; ``wrong`` (h, w) int8 at the same size: 1 = wrong, 0 = right, -1 = not known.
    """

    image: ImageId
    maps: Mapping[str, FloatArray]
    wrong: npt.NDArray[np.int8]


@dataclass
class ModelSet:
    """What training returns: the model, its EMA, and the models that its companions made, by companion name."""

    main: torch.nn.Module
    ema: torch.nn.Module | None = None
    members: dict[str, torch.nn.Module] = field(default_factory=dict)

    @property
    def best(self) -> torch.nn.Module:
        """The EMA where there is one: what scores, predicts and is evaluated."""
        return self.ema if self.ema is not None else self.main
