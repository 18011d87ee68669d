"""How near is what people are asked about, and the order in which a round's questions are put to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch

from seglens.acquisition.reasons import NEAR
from seglens.depth import OF_THE_IMAGE
from seglens.loop.workbench import Workbench
from seglens.types import FloatArray, ImageId, Query, SeglensError

log = logging.getLogger(__name__)


def nearness(bench: Workbench, id: ImageId, probs: FloatArray | None) -> FloatArray | None:
    """(h, w) proximity of an image, for the reasons that people read; None where the depth source cannot tell.

    Args:
        bench: the run.
        id: the image.
        probs: (C, h, w) what the model says of it; None while there is no model.
    """
    if not bench.by_people or bench.config.depth.name not in OF_THE_IMAGE:
        return None
    if probs is None and bench.config.depth.name == "ground":
        return None  # it stands on a prediction
    try:
        bench.depth.prepare([id])
        predicted = torch.from_numpy(probs.argmax(0)[None]) if probs is not None else torch.zeros(0)
        found = bench.depth.proximity([id], bench.config.model.size, lambda: predicted)
    except SeglensError as error:  # no part of the run needs it, so that an image without depth is no failure
        log.warning("%s: not known to be near or far: %s", id, error)
        return None
    near: FloatArray = found[0].numpy()
    return near


def in_turn(queries: Sequence[Query]) -> list[Query]:
    """A round's questions as people are asked them: near ones first, the most worthwhile of them first.

    Near is what the reason calls so, of a proximity of ``NEAR`` or more; what is not known to be near comes behind it.
    Within both the highest score comes first, of equal ones the nearer. Questions from before there was a model stay
    in the order picked: spread over images that differ.
    """

    def key(query: Query) -> tuple[bool, float, float]:
        proximity = query.reason.get("maps", {}).get("proximity", 0.0)
        return proximity < NEAR, -query.score, -proximity

    if any(query.reason.get("first_round") for query in queries):
        return list(queries)
    return sorted(queries, key=key)
