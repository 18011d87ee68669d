"""Narrow: the images of the highest mean score."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from seglens.acquisition.narrow.subset import RankedParams, highest
from seglens.config import PartConfig
from seglens.protocols import Evidence, Learner, PartContext, Score
from seglens.registry import narrows, scores
from seglens.types import Chance, FloatArray, ImageId, ImageRows, Rows, SeglensError


class TopByScoreParams(RankedParams):
    """How many images go on, and by which score."""

    score: PartConfig = Field(PartConfig(name="entropy"), description="score of a pixel, averaged over the image")

    @field_validator("score")
    @classmethod
    def _known(cls, score: PartConfig) -> PartConfig:
        """Check the score's own keys."""
        scores.params(score)
        return score


@narrows.register("top-by-score")
class TopByScore:
    """Keeps the images of the highest mean pixel score, in the pool's order.

    Reference:
        CPRAL (arXiv 2112.05975), Fig. 6: its comparison with entropy, confidence and margin in place of the predicted
        loss.
    """

    Params = TopByScoreParams
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: TopByScoreParams, context: PartContext) -> None:
        self.params = params
        self._score: Score = scores.build(params.score, context)
        self.needs = self._score.needs
        _check(self._score, params.score.name)

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 1) float64: the mean score over the image."""
        return self._score.pixels(ev).value.double().mean((1, 2)).cpu().numpy()[:, None]

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The highest scores; of equal ones, those whose id comes first."""
        if not pool.ids:
            return []
        values = self._score.finish(_rows(pool.ids, pool.arrays["reduced"][:, 0]))
        return highest(pool, values, labelled, self.params)


def _check(score: Score, name: str) -> None:
    """A narrowing has a mean of each image and nothing else: what needs more is found now, by trying it."""
    why = ""
    if score.privileged:
        why = "it sees labels"
    elif isinstance(score, Learner):
        why = "it learns from answers"
    else:
        try:
            score.finish(_rows(("an image",), np.full(1, 0.5)))
        except (SeglensError, KeyError):
            why = "it needs more than the mean of each image, such as sums over the pool"
    if why:
        raise SeglensError(
            f"narrow 'top-by-score': key 'score', found '{name}': {why}. Allowed: a score that is made of an image's "
            "pixels alone, such as entropy, margin, least-confidence"
        )


def _rows(ids: tuple[ImageId, ...], values: FloatArray) -> Rows:
    """One row an image."""
    ones = np.ones(len(ids), np.int64)
    return Rows(np.array(ids, object), np.zeros(len(ids), np.int32), ones, ones, {"value": values})
