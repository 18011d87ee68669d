"""Narrow: the images that look least like labelled ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seglens.acquisition.narrow.subset import RankedParams, highest
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class VaalParams(RankedParams):
    """How many images go on."""


@narrows.register("vaal")
class Vaal:
    """Keeps the images that a discriminator holds most surely for unlabelled, in the pool's order.

    It needs the companion ``vaal``. Where that was shown no unlabelled image it says the same of all: then chance
    decides.

    Reference:
        Sinha et al., Variational adversarial active learning, ICCV 2019, algorithm 2.
    """

    Params: ClassVar[type[RankedParams]] = VaalParams
    companion: ClassVar[str] = "vaal"
    needs: ClassVar[frozenset[str]] = frozenset({"companion:vaal"})
    reads_labelled: ClassVar[bool] = False

    def __init__(self, params: RankedParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, 1) in [0, 1]: the probability of "labelled"."""
        return ev.companion(self.companion).cpu().numpy()

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The lowest probabilities of "labelled"."""
        if not pool.ids:
            return []
        unlabelled: FloatArray = -pool.arrays["reduced"][:, 0]
        if (unlabelled == unlabelled[0]).all():
            unlabelled = np.array([chance.child(id).numpy().random() for id in pool.ids])
        return highest(pool, unlabelled, labelled, self.params)
