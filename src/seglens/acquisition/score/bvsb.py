"""Score by best versus second best, weighted down where the predicted class is common."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import bvsb_and_class
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows, SeglensError

COUNTS = "class_pixels"
"""Pool sum: pixels predicted as each class."""
REGIONS = "class_regions"
"""Pool sum: regions predicted mostly as each class."""


class BvsbParams(Params):
    """How classes are balanced."""

    balance: Literal["none", "regions", "pixels"] = Field(
        "none",
        description="weight exp(-share) of a region's predicted class: its share of the pool's regions, or of its "
        "pixels; none = 1",
    )


@scores.register("bvsb")
class Bvsb:
    """p2 / p1; a region takes the mean, weighted down where the class predicted for most of it is common in the pool.

    score(s) = u(s) exp(-n(D(s))), D(s) the class predicted for most of the region, n its share of the pool: of the
    regions (``regions``, Revisiting Superpixels) or of the pixels (``pixels``, ASAL). Candidates that a cut left out
    are no regions of the pool.

    Reference: Cai et al., Revisiting Superpixels (CVPR 2021); Kim et al., ASAL (ICCV 2023). Deviation: without the
    former's min-max over the pool, which changes no ranking of u; with ``regions`` it would, by the smallest u.
    """

    Params = BvsbParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: BvsbParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel and its predicted class; ``pixels``: the pool sum ``class_pixels`` (C,)."""
        value, group = bvsb_and_class(ev.logits)
        classes = ev.logits.shape[1]
        sums: dict[str, FloatArray] = {}
        if self.params.balance == "pixels":
            sums[COUNTS] = np.bincount(group.flatten().cpu().numpy(), minlength=classes).astype(np.float64)
        return PixelScore(value, group, sums=sums, classes=classes)

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region, times the weight of its class.

        Raises:
            SeglensError: the rows lack the predicted classes or the pool sum.
        """
        value = rows.arrays["value"]
        if self.params.balance == "none" or not len(rows):
            return value
        of_pool = REGIONS if self.params.balance == "regions" else COUNTS
        if "share" not in rows.arrays or of_pool not in rows.sums:
            raise SeglensError(f"score 'bvsb': the rows lack share or the pool sum {of_pool}; delete the round's rows")
        dominant = rows.arrays["share"].argmax(1)
        counts = rows.sums[of_pool]
        return np.asarray(value * np.exp(-counts / counts.sum())[dominant])

    def tally(self, rows: Rows) -> dict[str, FloatArray]:
        """``regions``: the pool sum ``class_regions`` (C,), regions predicted mostly as each class."""
        if self.params.balance != "regions" or "share" not in rows.arrays:
            return {}
        share = rows.arrays["share"]
        return {REGIONS: np.bincount(share.argmax(1), minlength=share.shape[1]).astype(np.float64)}
