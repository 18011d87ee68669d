"""Narrow: the images that are most difficult, or of the most different difficulties."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from seglens.acquisition.narrow.subset import RankedParams, highest
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class DifficultyParams(RankedParams):
    """How many images go on, and which are difficult."""

    rule: Literal["ds", "de"] = Field(
        "ds", description="ds: highest mean difficulty; de: highest entropy of the histogram of difficulties"
    )
    levels: int = Field(
        10, gt=1, description="bins of that histogram over [0, 1] (de; DEAL: 8 for CamVid, 10 for Cityscapes)"
    )


@narrows.register("difficulty")
class Difficulty:
    """Keeps the images of the highest difficulty score (``ds``) or difficulty entropy (``de``), in the pool's order.

    It needs the companion ``difficulty``. The histogram's bins are the same for every image, so that one that is easy
    all over scores low.

    Reference:
        DEAL (Xie et al., ACCV 2020), section 3.3, equations 5 and 6; it looks at a random half of the pool: put
        ``random-subset`` in front.
    """

    Params = DifficultyParams
    needs: ClassVar[frozenset[str]] = frozenset({"map:difficulty"})
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: DifficultyParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 1) the image's mean difficulty, or the entropy of its levels over its greatest value; in [0, 1]."""
        maps = ev.companion_map("difficulty")
        if self.params.rule == "ds":
            means: FloatArray = maps.double().mean((1, 2)).cpu().numpy()[:, None]
            return means
        return np.array([[level_entropy(one.cpu().numpy(), self.params.levels)] for one in torch.unbind(maps)])

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The highest values; nothing is drawn."""
        if not pool.ids:
            return []
        return highest(pool, pool.arrays["reduced"][:, 0], labelled, self.params)


def level_entropy(difficulty: FloatArray, levels: int) -> float:
    """Entropy of the histogram of values in [0, 1] over ``levels`` equal bins of [0, 1], over log ``levels``.

    Example:
        >>> level_entropy(np.array([0.1, 0.12, 0.9, 0.95]), 2), level_entropy(np.array([0.01, 0.02]), 8)
        (1.0, 0.0)
    """
    counts = np.histogram(difficulty, bins=levels, range=(0.0, 1.0))[0]
    share = counts[counts > 0] / counts.sum()
    return abs(float(-(share * np.log(share)).sum() / np.log(levels)))
