"""Joint augmentation of an image and its labels: mirror, scale, crop, colour, or mirror and blur; drawn from Chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from seglens.models.views import View, blur
from seglens.training.targets import Label, fit_label
from seglens.types import IGNORE, ByteArray, Chance, Settled, Size

SCALES = (0.75, 1.5)
COLOUR = 0.25
GREY = 127
SIGMAS = (0.1, 2.0)
"""Deviation of the Gaussian blur, pixels at the model's size. CPRAL names no range: this is SimCLR's (Chen et al., ICML
2020)."""


def augment(
    image: ByteArray, settled: Settled, size: Size, chance: Chance, whole: Size | None = None
) -> tuple[Tensor, Label]:
    """One random look at an image and the same look at its labels.

    Args:
        image: (H, W, 3) uint8.
        settled: its labels, native.
        size: (h, w) of the result.
        chance: of this use of the image.
        whole: (h, w) that the whole image would have at scale 1; None = ``size``.

    Returns:
        (3, h, w) float32 in [0, 1], and the labels at (h, w): nearest, so that no value is invented; what lies outside
        the image has no label.
    """
    draw = chance.child("augment").numpy()
    height, width = image.shape[:2]
    scale = math.exp(draw.uniform(math.log(SCALES[0]), math.log(SCALES[1])))
    part = [a / b for a, b in zip(size, whole or size, strict=True)]
    window = (max(1, round(height * part[0] / scale)), max(1, round(width * part[1] / scale)))
    top, left = (_offset(full, part, draw.random()) for full, part in zip((height, width), window, strict=True))
    mirror = bool(draw.integers(2))

    def look(values: Tensor, fill: int) -> Tensor:
        return _look(values, fill, (top, left, *window), size, mirror)

    seen = look(tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1)), GREY)
    maps = [
        (settled.label, IGNORE),
        (settled.provenance, 0),
        *([] if settled.regions is None else [(settled.regions, -1)]),
    ]
    index, provenance, *regions = (
        look(tv_tensors.Mask(torch.from_numpy(values.copy())[None]), fill).as_subclass(Tensor)[0]
        for values, fill in maps
    )
    brightness, contrast, saturation = (float(f) for f in draw.uniform(1 - COLOUR, 1 + COLOUR, 3))
    seen = transforms.adjust_brightness(seen, brightness)
    seen = transforms.adjust_contrast(seen, contrast)
    seen = transforms.adjust_saturation(seen, saturation).as_subclass(Tensor).float() / 255
    return seen, Label(index, provenance, regions[0] if regions else None, settled.sets)


def flip_blur(
    image: ByteArray, settled: Settled, size: Size, chance: Chance, whole: Size | None = None
) -> tuple[Tensor, Label]:
    """The whole image, mirrored every other time and blurred every other time, and its labels, mirrored with it.

    Args:
        image: (H, W, 3) uint8.
        settled: its labels, native.
        size: (h, w) of the result.
        chance: of this use of the image.
        whole: not looked at: nothing is cropped.

    Returns:
        As ``augment``; every pixel is inside the image.

    Reference:
        CPRAL, section "Implementation details": horizontal flip and Gaussian blur.
    """
    draw = chance.child("augment").numpy()
    view, blurred, sigma = View(bool(draw.integers(2))), bool(draw.integers(2)), float(draw.uniform(*SIGMAS))
    seen = view.image(torch.from_numpy(image).permute(2, 0, 1), size).float() / 255
    return blur(seen, sigma) if blurred else seen, fit_label(settled, view, size)


Augmentation: TypeAlias = Callable[[ByteArray, Settled, Size, Chance, Size | None], tuple[Tensor, Label]]

AUGMENTATIONS: dict[str, Augmentation] = {"full": augment, "flip-blur": flip_blur}
"""By the name that ``train.augmentation`` gives."""


def _offset(full: int, part: int, share: float) -> int:
    """Where a window of ``part`` starts along ``full``; negative where it is the larger."""
    return math.floor(share * (full - part + 1)) if part <= full else -round(share * (part - full))


def _look(values: Tensor, fill: int, window: tuple[int, int, int, int], size: Size, mirror: bool) -> Tensor:
    top, left, height, width = window
    missing = [max(0, -left), max(0, -top)]
    missing += [max(0, left + width - values.shape[-1]), max(0, top + height - values.shape[-2])]
    if any(missing):
        values = transforms.pad(values, missing, fill=fill)
        top, left = top + missing[1], left + missing[0]
    how = InterpolationMode.NEAREST_EXACT if isinstance(values, tv_tensors.Mask) else InterpolationMode.BILINEAR
    values = transforms.resized_crop(values, top, left, height, width, list(size), how, antialias=True)
    return transforms.horizontal_flip(values) if mirror else values
