"""Narrow: the images that look least like labelled ones, by their expected loss too."""

from __future__ import annotations

from typing import ClassVar

from seglens.acquisition.narrow.subset import RankedParams
from seglens.acquisition.narrow.vaal import Vaal
from seglens.registry import narrows


class TaVaalParams(RankedParams):
    """How many images go on."""


@narrows.register("ta-vaal")
class TaVaal(Vaal):
    """Keeps the images that a discriminator which knows their rank by loss holds for unlabelled, in the pool's order.

    It needs the companion ``ta-vaal``.

    Reference:
        Kim et al., Task-aware variational adversarial active learning, CVPR 2021, section 3.4.
    """

    Params: ClassVar[type[RankedParams]] = TaVaalParams
    companion: ClassVar[str] = "ta-vaal"
    needs: ClassVar[frozenset[str]] = frozenset({"companion:ta-vaal"})
