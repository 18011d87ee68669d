"""Settle: every answer becomes labels as it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from seglens.acquisition.settle.paint import paint
from seglens.config import NoParams
from seglens.protocols import Evidence, PartContext
from seglens.registry import settles
from seglens.types import AnsweredImage, Settled


@settles.register("as-answered")
class AsAnswered:
    """Every answer becomes labels as it was given.

    Dense: its classes; dominant class: the whole region; point: the 4 x 4 cell around it, within the region; class set:
    the set; anything but an answer: nothing. Overlaps: see ``paint``.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def settle(self, batch: Sequence[AnsweredImage], ev: Evidence | None) -> list[Settled]:
        """The labels of each image; the model is not looked at."""
        return [paint(image) for image in batch]
