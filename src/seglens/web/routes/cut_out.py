"""Click to segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter

from seglens.functional.cutout import cut_out
from seglens.functional.run_lengths import encode
from seglens.web.bodies import CutOutBody
from seglens.web.refusal import Refusal
from seglens.web.routes.pictures import known
from seglens.web.sam import load
from seglens.web.who import Somebody, TheOffice

router = APIRouter(prefix="/api")


@router.post("/cut-out")
def cut(body: CutOutBody, office: TheOffice, person: Somebody) -> dict[str, Any]:
    """The pixels that belong to the points inside: by random walks over image and prediction, or by SAM 2."""
    id = known(office, body.image)
    height, width = office.size(id)
    for name, places in (("inside", body.inside), ("outside", body.outside)):
        for y, x in places:
            if y >= height or x >= width:
                raise Refusal(422, f"{name}: [{y}, {x}] lies outside the image of {height} x {width}")
    box = body.box
    if box is not None and not (0 <= box[0] < box[2] <= height and 0 <= box[1] < box[3] <= width):
        raise Refusal(422, f"box: found {list(box)}; allowed: inside the image of {height} x {width}")
    if not body.inside and box is None:
        raise Refusal(422, "inside: expected a point or more, or a box")
    if body.by not in ("walker", "sam2") or (body.by == "sam2" and office.sam is None):
        allowed = "walker, sam2" if office.sam is not None else "walker (start with --sam FOLDER for sam2)"
        raise Refusal(422, f"by: found '{body.by[:16]!a}'; allowed: {allowed}")
    image = office.decoded(id)
    if body.by == "sam2":
        assert office.sam is not None
        mask = load(office.sam).mask(id, image, body.inside, body.outside, box)
    else:
        mask = cut_out(image, body.inside, body.outside, box, office.layers.prediction(id))
    return {"runs": encode(np.asarray(mask)).tolist()}
