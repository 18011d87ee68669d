"""Score by the truth: where the prediction is wrong. An upper bound, no method."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from seglens.config import NoParams
from seglens.functional.native import to_model
from seglens.functional.uncertainty import predicted
from seglens.protocols import Evidence, LabelSource, PartContext
from seglens.registry import scores
from seglens.types import IGNORE, FloatArray, PixelScore, Rows, SeglensError


@scores.register("true-error")
class TrueError:
    """1 where the prediction differs from the truth, 0 elsewhere and where the truth is void; a region takes the mean.

    It sees what only an annotator can: how well a score of errors could do, in simulation only.
    """

    Params = NoParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = True

    def __init__(self, params: NoParams, context: PartContext) -> None:
        self.params = params
        self._truth: LabelSource | None = None

    def reveal(self, truth: LabelSource) -> None:
        """Take up the truth."""
        self._truth = truth

    def pixels(self, ev: Evidence) -> PixelScore:
        """Whether each pixel is predicted wrong, with its predicted class.

        Raises:
            SeglensError: the truth was not revealed.
        """
        if self._truth is None:
            raise SeglensError("score 'true-error' sees the truth, and none was revealed to it")
        group = predicted(ev.logits)
        size = (group.shape[1], group.shape[2])
        label = np.stack([to_model(self._truth.label(id), size) for id in ev.ids])
        truth = torch.from_numpy(label).to(group.device).long()
        wrong = (group != truth) & (truth != IGNORE)
        return PixelScore(wrong.float(), group, classes=ev.logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
