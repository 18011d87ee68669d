"""Settle: drop the pixels of a dominant-class region that the model does not see as the answered class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from seglens.acquisition.settle.knee import knee
from seglens.acquisition.settle.paint import Keep, paint
from seglens.acquisition.settle.trimmed import trim
from seglens.config import Params
from seglens.protocols import Evidence, PartContext
from seglens.registry import settles
from seglens.types import (
    Answered,
    AnsweredImage,
    AnswerKind,
    ByteArray,
    FloatArray,
    IntArray,
    SeglensError,
    Settled,
    Size,
)


class SieveParams(Params):
    """When the sieve is used, and how finely."""

    border: int = Field(0, ge=0, description="border of a region that is dropped first, as by trimmed, native pixels")
    min_pixels: int = Field(32, gt=1, description="smallest region that is sieved, pixels at the model's size")
    contrast: float = Field(
        0.5, gt=0, description="dropped pixels also lie below this share of the region's mean probability"
    )
    sensitivity: float = Field(1.0, ge=0, description="Kneedle's S: high = fewer knees, more regions left whole")


@settles.register("sieve")
class Sieve:
    """In a dominant-class region, pixels that the model does not see as the answered class stay unlabelled.

    Dropped is what lies below the knee of the region's sorted probabilities for that class, and below half their mean.
    All else is as answered; without a model everything is, less the ``border``. A region never loses all its pixels.
    Probabilities are compared at the model's size, and each native pixel goes with the model's pixel that it lies in.

    Reference: ASAL (Kim et al., ICCV 2023), sieving. Deviations: the smallest region is 32 pixels at the model's size
    instead of 512 native ones, since regions here are smaller. The strongest knee counts, not the first (see ``knee``).
    A knee is found in every curve, also where the model sees the class everywhere: the half of the mean keeps these
    pixels, and keeps a region whole where the model is wrong throughout (docs/decisions/004-sieve.md).
    """

    Params = SieveParams
    needs: ClassVar[frozenset[str]] = frozenset({"probs"})

    def __init__(self, params: SieveParams, context: PartContext) -> None:
        self.params = params

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """The labels of each image."""
        if ev is None:
            return [paint(image, trim(self.params.border, image.size)) for image in batch]
        if [image.image for image in batch] != list(ev.ids):
            raise SeglensError("settle 'sieve': the evidence is not that of the images to settle, in their order")
        return [paint(image, self._keep(ev, index, image.size)) for index, image in enumerate(batch)]

    def _keep(self, ev: Evidence, index: int, size: Size) -> Keep:
        probs: FloatArray = ev.probs[index].float().cpu().numpy()
        trimmed = trim(self.params.border, size)

        def keep(answered: Answered, pixels: IntArray, classes: ByteArray) -> IntArray:
            kept = trimmed(answered, pixels, classes)
            if answered.query.kind is not AnswerKind.DOMINANT_CLASS or not len(pixels):
                return kept
            passed: IntArray = kept[self._kept(probs[classes[0]], pixels[kept], size)]
            return passed

        return keep

    def _kept(self, confidence: FloatArray, pixels: IntArray, size: Size) -> IntArray:
        """Positions of the region's pixels that pass."""
        height, width = confidence.shape
        y, x = np.divmod(pixels, size[1])
        at = (y * height // size[0]) * width + x * width // size[1]
        distinct = np.unique(at)
        curve = np.sort(confidence.ravel()[distinct])
        place = knee(curve, self.params.sensitivity) if len(curve) >= self.params.min_pixels else None
        if place is None:
            return np.arange(len(pixels))
        least = min(float(curve[place]), self.params.contrast * float(curve.mean(dtype=np.float64)))
        return np.flatnonzero(confidence.ravel()[at] >= least)
