"""PixBal: doubt, weighted down where the predicted class is common in the pool."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import bvsb_and_class, class_mass
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows, SeglensError


class PixBalParams(Params):
    """Values of PixBal."""

    nu: float = Field(6.0, ge=0, description="strength of the class balance: weight (nu * share + 1)^-2; 0 = none")
    temperature: float = Field(0.1, gt=0, description="divides the logits where class shares are estimated")


@scores.register("pixbal")
class PixBal:
    """p2 / p1, weighted down where the predicted class is common in the pool; a region takes the mean.

    u(x) = p2/p1 * w(argmax p), w_c = (nu * P_c + 1)^-2, P_c the class's share of the pool. The published method sweeps
    the pool twice, for P and for u. Here rows keep the mean of p2/p1 by predicted class, and the weights are put in
    once P is complete: equal to the two sweeps, in one.

    Reference: MulActSeg (Hwang et al., NeurIPS 2023), eq. of PixBal; nu = 6 is its value for street scenes.
    """

    Params = PixBalParams
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: PixBalParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """p2/p1 and the predicted class of each pixel; the pool sums ``class_mass`` (C,) and ``pixels`` (1,)."""
        values, groups, mass = [], [], torch.zeros(ev.logits.shape[1], dtype=torch.float64)
        for image in ev.logits:
            z = image.float().contiguous()[None]
            value, group = bvsb_and_class(z)
            values.append(value)
            groups.append(group)
            mass += class_mass(z, self.params.temperature)[0].cpu()
        value = torch.cat(values)
        sums = {"class_mass": mass.numpy(), "pixels": np.array([float(value.numel())])}
        return PixelScore(value, torch.cat(groups), sums=sums, classes=ev.logits.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The weighted mean of each region.

        Raises:
            SeglensError: the rows lack the value by class or the pool sums.
        """
        if not len(rows):
            return np.zeros(0)
        if "by_class" not in rows.arrays or "class_mass" not in rows.sums:
            raise SeglensError("score 'pixbal': the rows lack by_class or the pool sum class_mass")
        share = rows.sums["class_mass"] / rows.sums["pixels"]
        weight = (self.params.nu * share + 1) ** -2
        return np.asarray((rows.arrays["by_class"] * weight).sum(1))  # of each row the same, whatever rows are with it
