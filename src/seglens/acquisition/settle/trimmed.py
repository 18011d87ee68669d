"""Settle: every answer becomes labels as it was given, but for the border of its region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from seglens.acquisition.settle.paint import Keep, paint
from seglens.config import Params
from seglens.functional.erosion import inner
from seglens.protocols import Evidence, PartContext
from seglens.registry import settles
from seglens.types import Answered, AnsweredImage, AnswerKind, ByteArray, IntArray, Settled, Size

WHOLE = frozenset({AnswerKind.DOMINANT_CLASS, AnswerKind.CLASS_SET})
"""Answers about a region as a whole: its border is where they are most often wrong."""


class TrimmedParams(Params):
    """How much is trimmed."""

    pixels: int = Field(2, gt=0, description="width of the border, native pixels")


@settles.register("trimmed")
class Trimmed:
    """The border of a region that was answered as a whole stays unlabelled; all else is as answered.

    A region's border are its pixels next to another one; an edge of the image is none. Regions too narrow for that
    lose less, never everything. Dense answers, masks and points are taken as they are.

    Reference: MulActSeg (Hwang et al., NeurIPS 2023), whose code erodes by a kernel of 5: 2 pixels. Deviation: pixels
    are native ones, whatever the model's size.
    """

    Params = TrimmedParams
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: TrimmedParams, context: PartContext) -> None:
        self.params = params

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """The labels of each image; the model is not looked at."""
        return [paint(image, trim(self.params.pixels, image.size)) for image in batch]


def trim(pixels: int, size: Size) -> Keep:
    """What is kept of answers about an image.

    Args:
        pixels: width of the border, native pixels, 0 = none.
        size: (H, W) of the image.
    """

    def keep(answered: Answered, index: IntArray, classes: ByteArray) -> IntArray:
        return inner(index, size, pixels if answered.query.kind in WHOLE else 0)

    return keep
