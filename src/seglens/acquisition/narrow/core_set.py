"""Narrow: the images that are farthest from all that are labelled, and from one another."""

from __future__ import annotations

from typing import ClassVar

from seglens.acquisition.narrow.subset import SubsetParams
from seglens.functional.k_center import k_center
from seglens.protocols import Evidence, PartContext
from seglens.registry import narrows
from seglens.types import Chance, FloatArray, ImageId, ImageRows


class CoreSetParams(SubsetParams):
    """How many images go on."""


@narrows.register("core-set")
class CoreSet:
    """Keeps images by greedy k-center on encoder features, seeded with the labelled images; in the pool's order.

    Reference:
        Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018,
        algorithm 1 (Euclidean distance of the network's last features).
    """

    Params = CoreSetParams
    needs: ClassVar[frozenset[str]] = frozenset({"features"})
    reads_labelled: ClassVar[bool] = True

    def __init__(self, params: CoreSetParams, context: PartContext) -> None:
        self.params = params

    def reduce(self, ev: Evidence) -> FloatArray:
        """(N, D) float32: the deepest features' means over the image."""
        return ev.features("bottleneck").float().mean((-2, -1)).cpu().numpy()

    def choose(self, pool: ImageRows, labelled: ImageRows, chance: Chance) -> list[ImageId]:
        """The farthest-first order's first images; of equally far ones, those whose id comes first."""
        if not pool.ids:
            return []
        order = sorted(range(len(pool.ids)), key=lambda place: pool.ids[place])
        points = pool.arrays["reduced"][order]
        known = labelled.arrays["reduced"] if labelled.ids else None
        picked = k_center(points, self.params.count(len(order)), known)
        kept = {pool.ids[order[int(place)]] for place in picked}
        return [id for id in pool.ids if id in kept]
