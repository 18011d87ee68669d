"""Narrow: so many images of each sequence."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from pydantic import Field

from seglens.acquisition.narrow.random_subset import RandomSubset
from seglens.config import Params
from seglens.protocols import PartContext
from seglens.registry import narrows
from seglens.types import Chance, ImageId, ImageRows


class SequenceQuotaParams(Params):
    """How many of each."""

    each: int = Field(10, gt=0, description="images of a sequence that are looked at in a round, at most")


@narrows.register("sequence-quota")
class SequenceQuota:
    """Keeps at most so many images of each sequence, drawn by chance: a long sequence does not take every question.

    A sequence is what the dataset says (its items' ``group``): a recording, a city, a folder.
    """

    Params = SequenceQuotaParams
    needs: ClassVar[frozenset[str]] = frozenset()
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: SequenceQuotaParams, context: PartContext) -> None:
        self.params, self.context = params, context

    reduce = RandomSubset.reduce

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The images with a sequence's least draws, in the pool's order; a draw depends on the image's id alone."""
        draws = {id: chance.child(id).seed() for id in pool.ids}
        taken: Counter[str] = Counter()
        kept = set()
        for id in sorted(pool.ids, key=lambda id: (draws[id], id)):
            group = self.context.data.item(id).group
            if taken[group] < self.params.each:
                taken[group] += 1
                kept.add(id)
        return [id for id in pool.ids if id in kept]
