"""Score by what the members of a committee do not agree on."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from seglens.config import Params
from seglens.functional.disagreement import hard_votes, mean_and_entropy, mutual_information
from seglens.functional.uncertainty import predicted
from seglens.functional.votes import vote_entropy
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import FloatArray, PixelScore, Rows


class CommitteeParams(Params):
    """Whose disagreement, and how it is measured."""

    companion: Literal["snapshots", "heads"] = Field(
        "snapshots", description="what the committee is: the model at several steps, or several heads on its trunk"
    )
    disagreement: Literal["vote-entropy", "mean-kl"] = Field(
        "mean-kl",
        description="entropy of the classes voted for, or mean divergence of the members from their mean prediction",
    )


@scores.register("committee")
class CommitteeScore:
    """Query by committee: what members that a companion left behind do not agree on; a region takes the mean.

    The mean divergence is that from their mean prediction, KL(p_t || mean); both measures are over log C.

    Reference: Seung et al., Query by committee, COLT 1992; vote entropy, Dagan & Engelson, ICML 1995; mean divergence,
        McCallum & Nigam, ICML 1998.
    """

    Params = CommitteeParams
    privileged: ClassVar[bool] = False

    def __init__(self, params: CommitteeParams, context: PartContext) -> None:
        self.params = params
        self.needs = frozenset({f"members:{params.companion}"})

    def pixels(self, ev: Evidence) -> PixelScore:
        """The score of each pixel, with the class of most votes or of the greatest mean probability."""
        members = ev.members(self.params.companion)
        if self.params.disagreement == "vote-entropy":
            votes = hard_votes(members)
            return PixelScore(vote_entropy(votes), predicted(votes), classes=votes.shape[1])
        probs, entropy = mean_and_entropy(members)
        return PixelScore(mutual_information(probs, entropy), predicted(probs), classes=probs.shape[1])

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]
