"""Score by best versus second best."""

from __future__ import annotations

from typing import ClassVar

from seglens.config import NoParams
from seglens.functional.uncertainty import bvsb_and_class
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


@scores.register("bvsb")
class Bvsb:
    """p2 / p1; a region takes the mean. Reference: Cai et al., Revisiting Superpixels (CVPR 2021).

    Deviation: without the paper's min-max over the pool, which changes no ranking.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with its predicted class for picks that go by class."""
        value, group = bvsb_and_class(ev.logits)
        return PixelScore(value, group, classes=ev.logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
