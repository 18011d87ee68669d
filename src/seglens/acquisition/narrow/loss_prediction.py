"""Narrow: the images whose loss is predicted to be the largest."""

from __future__ import annotations

from typing import ClassVar

from seglens.acquisition.narrow.subset import RankedParams, highest
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class LossPredictionParams(RankedParams):
    """How many images go on."""


@narrows.register("loss-prediction")
class LossPrediction:
    """Keeps the images of the highest predicted loss, in the pool's order; only the encoder runs.

    It needs the companion ``loss-head``.

    Reference:
        CPRAL (arXiv 2112.05975), section 3.2 (400 images of Cityscapes, 800 of BDD100K); Yoo and Kweon, Learning Loss
        for Active Learning, CVPR 2019.
    """

    Params = LossPredictionParams
    needs: ClassVar[frozenset[str]] = frozenset({"companion:loss-head"})
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: LossPredictionParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 1) the predicted loss."""
        return ev.companion("loss-head").cpu().numpy()

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The highest predicted losses; nothing is drawn."""
        if not pool.ids:
            return []
        return highest(pool, pool.arrays["reduced"][:, 0], labelled, self.params)
