"""Score by the votes of many passes with dropout on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seglens.config import Params
from seglens.functional.uncertainty import predicted
from seglens.functional.votes import vote_entropy
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class VoteEntropyParams(Params):
    """How many votes."""

    passes: int = Field(20, gt=0, description="passes with dropout on, each a vote for one class a pixel")


@scores.register("vote-entropy")
class VoteEntropy:
    """Entropy of the classes that passes with dropout on vote for, over log C; a region takes the mean.

    Reference: CPRAL (arXiv 2112.05975), Eq. 4; Dagan & Engelson, ICML 1995; by region, CEREALS (Mackowiak et al.,
        BMVC 2018).

    Deviation: over log C, like ``entropy``, which changes no ranking.
    """

    Params = VoteEntropyParams
    needs: ClassVar[frozenset[str]] = frozenset({"votes"})
    privileged: ClassVar[bool] = False

    def __init__(self, params: VoteEntropyParams, context: PartContext) -> None:
        self.params = params

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with the class that most passes vote for (the first of equals)."""
        votes = ev.votes(self.params.passes)
        return PixelScore(vote_entropy(votes), predicted(votes), classes=votes.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
