"""What a model sees in one image, what it doubts, and where to look first: the explanation as values, undrawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from seglens.acquisition.reasons import reason, words
from seglens.acquisition.rows import reduce_rows
from seglens.acquisition.score import ExplainableError
from seglens.functional.proximity import gated, openness, patchwise, spread, threshold
from seglens.functional.run_lengths import encode
from seglens.functional.uncertainty import entropy
from seglens.models.images import to_input
from seglens.protocols import Cut, Evidence
from seglens.types import (
    ByteArray,
    ClassTable,
    FloatArray,
    Gate,
    ImageId,
    IntArray,
    PixelScore,
    Region,
    RegionSet,
    SeglensError,
)

NEEDS = frozenset({"logits", "probs", "proximity", "cam"})
"""What an explanation reads of the evidence."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Candidate:
    """An object to look at. ``box`` is (y0, x0, y1, x1), half-open, in the image's own pixels, as ``pixels`` are.

    ``total`` is the explainable error summed over the pixels, ``mean`` their mean; ``likely`` the class that the
    prediction is most easily confused with; ``proximity``, ``entropy`` and ``attention`` are means over the object.
    """

    rank: int
    box: Box
    pixels: int
    total: float
    mean: float
    predicted: str
    likely: str
    proximity: float
    entropy: float
    attention: float
    sentence: str

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rank": self.rank,
            "box": list(self.box),
            "pixels": self.pixels,
            "eem_sum": self.total,
            "eem_mean": self.mean,
            "predicted": self.predicted,
            "likely_confusion": self.likely,
            "proximity": self.proximity,
            "entropy": self.entropy,
            "attention": self.attention,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Weighing:
    """How much each map counts in the explainable error, by name, and where the weights come from."""

    weights: Mapping[str, float]
    source: str

    @property
    def formula(self) -> str:
        """The sum as it would be written.

        Example:
            >>> Weighing({"pae": 0.5, "ebu": 0.5}, "equal").formula
            '0.50 PAE + 0.50 EBU'
        """
        parts = [f"{value:.2f} {name.upper()}" for name, value in self.weights.items()]
        return " + ".join(parts).replace("+ -", "− ")


@dataclass(frozen=True)
class Depth:
    """Where proximity comes from: the source's name, and what it is in words."""

    name: str
    words: str


@dataclass(frozen=True)
class Explanation:
    """One image explained. Maps are (h, w) float32 at the model's size, 1 = near, undecided or looked at.

    Args:
        image: its id.
        model: what to call the model.
        classes: the classes it knows.
        picture: (H, W, 3) uint8, the image itself.
        prediction: (h, w) uint8 predicted class.
        proximity: how near each pixel is.
        patches: the mean proximity of each patch, as large as the patch.
        threshold: proximity from which on a patch counts as near.
        kept: share of the patches that do.
        informed: (h, w, 3) uint8, the depth-informed image: what the network saw for ``pae``.
        entropy: entropy-based uncertainty (EBU).
        cam: plain Grad-CAM, of the whole image.
        pae: proximity-aware explanation.
        eem: explainable error mask.
        weighing: how ``eem`` was made of them.
        depth: where proximity comes from.
        candidates: objects to look at, best first.
        regions: (H, W) int32 rank of the candidate that a pixel belongs to, 0 = none.
        variant: how ``pae`` was made: ``input`` (of the depth-informed image) or ``map`` (``cam`` times proximity).
    """

    image: ImageId
    model: str
    classes: ClassTable
    picture: ByteArray
    prediction: ByteArray
    proximity: FloatArray
    patches: FloatArray
    threshold: float
    kept: float
    informed: ByteArray
    entropy: FloatArray
    cam: FloatArray
    pae: FloatArray
    eem: FloatArray
    weighing: Weighing
    depth: Depth
    candidates: tuple[Candidate, ...]
    regions: IntArray
    variant: str = "input"

    @property
    def present(self) -> list[tuple[int, float]]:
        """The predicted classes with their share of the pixels, the largest first."""
        counts = np.bincount(self.prediction.ravel(), minlength=len(self.classes))
        order = np.argsort(-counts, kind="stable")
        return [(int(c), float(counts[c] / self.prediction.size)) for c in order if counts[c]]

    def plain(self) -> dict[str, Any]:
        """As JSON values, all finite."""
        height, width = self.picture.shape[:2]
        return {
            "image": self.image,
            "size": [height, width],
            "model": self.model,
            "model_size": list(self.prediction.shape),
            "classes": [{"name": self.classes.names[c], "share": share} for c, share in self.present],
            "depth": {"source": self.depth.name, "about": self.depth.words},
            "threshold": self.threshold,
            "patches_kept": self.kept,
            "weights": dict(self.weighing.weights),
            "weights_source": self.weighing.source,
            "mean": {name: float(getattr(self, name).mean()) for name in ("entropy", "pae", "eem")},
            "candidates": [one.plain() for one in self.candidates],
        }


def explain(
    ev: Evidence, score: ExplainableError, cut: Cut, classes: ClassTable, depth: Depth, weighing: str, model: str
) -> Explanation:
    """Explain one image.

    Args:
        ev: evidence of one image, declared with ``NEEDS``.
        score: makes the explainable error; its parameters and weights are used as they stand.
        cut: makes the candidates of it.
        classes: the classes of the model.
        depth: where proximity comes from.
        weighing: where the score's weights come from, in words.
        model: what to call the model.

    Returns:
        The explanation; its maps are what the score itself computes.

    Raises:
        SeglensError: more than one image, a layer that the model does not have, no depth for the image, or values that
            are not finite.
    """
    if len(ev.ids) != 1:
        raise SeglensError(f"explain: one image at a time, found {len(ev.ids)}")
    px, maps = _maps(ev, score)
    if not bool(torch.isfinite(px.value).all()):
        raise SeglensError(f"image '{ev.ids[0]}': the explainable error is not finite; are the model's weights?")
    gate = _gate(score)
    near = ev.proximity.float()
    size = (near.shape[-2], near.shape[-1])
    patches = patchwise(near, gate.patches)
    least = threshold(patches, gate)
    picture = ev.image(0)
    informed = gated(to_input(picture, size)[None], openness(near.cpu(), gate))[0]
    regions = cut.regions(px, ev, ev.chance)[0]
    candidates, ranks = _candidates(px, maps, ev, regions, classes)
    return Explanation(
        image=ev.ids[0],
        model=model,
        classes=classes,
        picture=picture,
        prediction=ev.logits[0].argmax(0).to(torch.uint8).cpu().numpy(),
        patches=_array(spread(patches, size)),
        threshold=float(least),
        kept=float((openness(near, replace(gate, mode="hard")) > 0).float().mean()),
        informed=(informed.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy(),
        cam=_array(ev.cam(replace(score.spec, gate=None))),
        weighing=Weighing(dict(zip(("pae", "ebu"), score.weights, strict=True)), weighing),
        depth=depth,
        candidates=candidates,
        regions=ranks,
        variant=score.params.pae,
        **{name: _array(value) for name, value in maps.items()},
        eem=_array(px.value),
    )


def _maps(ev: Evidence, score: ExplainableError) -> tuple[PixelScore, dict[str, Tensor]]:
    """The score, and all maps by the explanation's name for them: those that have no weight too."""
    px = score.pixels(ev)
    own = dict(zip(px.names, px.dense.unbind(1), strict=True)) if px.dense is not None else {}
    maps = {"proximity": ev.proximity.float(), "entropy": own["ebu"] if "ebu" in own else entropy(ev.logits)}
    if "pae" in own:
        return px, maps | {"pae": own["pae"]}
    attention = ev.cam(score.spec).float()
    return px, maps | {"pae": attention * maps["proximity"] if score.params.pae == "map" else attention}


def _gate(score: ExplainableError) -> Gate:
    if score.spec.gate is not None:
        return score.spec.gate
    params = score.params
    return Gate(params.patches, params.threshold, params.percentile, params.spread, params.mode)


def _array(values: Tensor) -> FloatArray:
    """(h, w) float32 of the one image."""
    found: FloatArray = values[0].float().cpu().numpy()
    return found


def _candidates(
    px: PixelScore, maps: Mapping[str, Tensor], ev: Evidence, regions: RegionSet, classes: ClassTable
) -> tuple[tuple[Candidate, ...], IntArray]:
    """The candidates by falling summed error, and (H, W) the rank of each pixel's, 0 = none."""
    ranks = np.zeros(regions.labels.shape, np.int32)
    if not regions.count:
        return (), ranks
    size = (px.value.shape[-2], px.value.shape[-1])
    names = ("pae", "ebu", "proximity")
    dense = torch.stack([maps["pae"], maps["entropy"], maps["proximity"]], 1)
    rows = reduce_rows(replace(px, dense=dense, names=names), [regions], [None], size)
    value = rows.arrays["value"].astype(np.float64)
    total = value * rows.sizes
    probs = ev.probs[0].float().cpu().numpy()
    boxes = ndimage.find_objects(regions.labels + 1)
    found = []
    for rank, number in enumerate(np.lexsort((np.arange(len(total)), -total)).tolist(), 1):
        mask = regions.labels == number
        ranks[mask] = rank
        region = Region(regions.image, mask.shape, encode(mask), regions.key, number)
        means = {name: float(rows.arrays["dense"][number, k]) for k, name in enumerate(names)}
        why = reason(region, size, probs, float(value[number]), None, classes, maps=means)
        rows_, columns = boxes[number]
        found.append(
            Candidate(
                rank=rank,
                box=(rows_.start, columns.start, rows_.stop, columns.stop),
                pixels=int(rows.sizes[number]),
                total=float(total[number]),
                mean=float(value[number]),
                predicted=why["names"][0],
                likely=why["names"][1],
                proximity=means["proximity"],
                entropy=means["ebu"],
                attention=means["pae"],
                sentence=words(why),
            )
        )
    return tuple(found), ranks
