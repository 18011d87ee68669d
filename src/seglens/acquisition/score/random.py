"""Score by chance: the baseline."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from seglens.acquisition.draws import by_row
from seglens.config import Params
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import Chance, FloatArray, PixelScore, Rows

STEPS = 1 << 24
"""Whole numbers that float32 holds exactly."""


class RandomParams(Params):
    """Whether classes are told."""

    classes: bool = Field(
        False,
        description="rows tell the share of each predicted class, for picks that go by class; the draw is as ever",
    )


@scores.register("random")
class RandomScore:
    """A uniform draw a region, whatever its size; the model is not looked at, unless for its predicted classes.

    Every pixel of an image carries the image's own draw, which survives the mean over a region exactly; ``finish``
    seeds the regions' draws with it. A draw a pixel would not do: means over large regions crowd at one half, so that
    small regions would be asked first.

    With ``classes`` a region's score by class is the share of its pixels predicted as the class, and nothing else is
    looked at: the control for picks that divide the budget over the classes.
    """

    Params = RandomParams
    privileged: ClassVar[bool] = False

    def __init__(self, params: RandomParams, context: PartContext) -> None:
        self.params = params
        self.needs: frozenset[str] = frozenset({"logits"} if params.classes else ())

    def pixels(self, ev: Evidence) -> PixelScore:
        """The image's draw in [0, 1) at each of its pixels."""
        draws = [int(ev.chance.child(image).numpy().integers(STEPS)) for image in ev.ids]
        value = torch.tensor(draws, dtype=torch.float32, device=ev.answered.device) / STEPS
        value = value[:, None, None].expand(ev.answered.shape).contiguous()
        if not self.params.classes:
            return PixelScore(value)
        count, group = ev.logits.shape[1], predicted(ev.logits)
        return PixelScore(value, group, classes=count, by_class=F.one_hot(group, count).movedim(-1, 1).float())

    def finish(self, rows: Rows) -> FloatArray:
        """A draw in [0, 1) for each region."""
        if not len(rows):
            return np.zeros(0)
        seeds = np.rint(np.asarray(rows.arrays["value"], np.float64) * STEPS).astype(np.int64)
        seed = dict(zip(rows.images, seeds, strict=True))
        draws = by_row(rows, lambda image, n: Chance(("random", image, int(seed[image]))).numpy().random((n, 1)))
        return draws[:, 0]
