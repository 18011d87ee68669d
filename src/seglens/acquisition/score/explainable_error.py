"""Score by the explainable error mask: the model's doubt, and its attention to what is near."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from seglens.acquisition.score.error_weights import EQUAL, Weights, fit
from seglens.config import Params
from seglens.functional.uncertainty import entropy, predicted
from seglens.protocols import Evidence, PartContext
from seglens.registry import scores
from seglens.types import CamSpec, FloatArray, Gate, PixelScore, Rows, Seen, SeglensError

_CAM, _GATE = CamSpec(), Gate()


class ExplainableErrorParams(Params):
    """How doubt and attention are made and weighed."""

    weights: Literal["equal", "learned"] | tuple[float, float] = Field(
        "equal",
        description="of attention and entropy: equal, learned anew each round from answers, or [attention, entropy]; "
        "[1, 0] is without EBU, [0, 1] without PAE",
    )
    pae: Literal["input", "map"] = Field(
        "input",
        description="attention: input = class activation maps of the depth-informed image (the paper's); map = one map "
        "of the plain image times proximity (cheaper, not the paper's)",
    )
    layer: str = Field(
        _CAM.layer,
        description="whose activation counts: bottleneck, stride-16, stride-8, stride-4, trunk (unet: also stride-2)",
    )
    aggregate: Literal["max", "share"] = Field(
        _CAM.aggregate, description="how the maps of an image's classes become one (pae: input)"
    )
    normalise: Literal["min-max", "peak", "none"] = Field(_CAM.normalise, description="of each class's map")
    channel_weights: Literal["mean", "positive"] = Field(
        _CAM.weights, description="a channel's weight: mean gradient, or its sum over that of the positive ones"
    )
    patches: tuple[int, int] = Field(_GATE.patches, description="rows and columns of the patchwise depth")
    threshold: Literal["nearest", "median", "otsu"] = Field(
        _GATE.threshold, description="what the threshold of an image's proximity follows"
    )
    percentile: float = Field(
        _GATE.percentile, ge=0, le=100, description="of the patches' proximity: the nearest objects (nearest)"
    )
    spread: float = Field(
        _GATE.spread, ge=0, description="standard deviations below it that still count as near (nearest)"
    )
    mode: Literal["hard", "soft"] = Field(_GATE.mode, description="a far patch is black, or fades with its proximity")
    faded: bool = Field(
        _GATE.faded, description="attention fades like the depth-informed image; false: as it comes, the paper's text"
    )

    @field_validator("weights")
    @classmethod
    def _some_weight(cls, value: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(value, str) and (min(value) < 0 or not 0 < sum(value) < float("inf")):
            raise ValueError("[attention, entropy] must be 0 or more, and one of them more")
        return value

    @field_validator("patches")
    @classmethod
    def _some_patches(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 1:
            raise ValueError("patches must be at least 1 x 1")
        return value


@scores.register("explainable-error")
class ExplainableError:
    """Attention to what is near (PAE) and entropy (EBU), added by weights; a region takes the mean.

    EEM = w1 PAE + w2 EBU (Eq. 3); EBU is the entropy over log C (Eq. 1), the same scale in every image: a confident
    image ranks below an uncertain one. PAE is the class activation map of the depth-informed image (section 3.2.2).
    Weights are scaled to sum 1, so that EEM lies in [0, 1] where the maps do.

    Deviation: ``pae: map`` multiplies one map of the plain image, of all classes at once, with proximity: no second
    pass through the encoder, but what the network attends to is not asked of the depth-informed image.

    ``weights: learned`` answers what the paper leaves open ("it can be made learnable"): see ``error_weights.fit``.
    They are learnt from predictions as they were when their questions were asked, judged by the answers to these: no
    prediction is judged by an answer that its model had been trained on.

    Reference: SegXAL (arXiv 2408.04482), section 3.2, Eqs. 1 to 3.
    """

    Params = ExplainableErrorParams
    privileged: ClassVar[bool] = False

    def __init__(self, params: ExplainableErrorParams, context: PartContext) -> None:
        self.params = params
        given = params.weights
        self.weights: Weights = EQUAL if isinstance(given, str) else (given[0] / sum(given), given[1] / sum(given))
        self._attention = params.weights == "learned" or self.weights[0] > 0
        self._entropy = params.weights == "learned" or self.weights[1] > 0
        self.needs = frozenset({"logits", "cam", "proximity"} if self._attention else {"logits"})
        self.spec = _spec(params)

    def pixels(self, ev: Evidence) -> PixelScore:
        """EEM of each pixel, with its predicted class; the maps ``ebu``, ``pae`` and ``proximity`` that it is made
        of."""
        logits = ev.logits
        maps: dict[str, Tensor] = {}
        if self._entropy:
            maps["ebu"] = entropy(logits)
        if self._attention:
            near = ev.proximity.float()
            attention = ev.cam(self.spec).float()
            maps["pae"] = attention * near if self.params.pae == "map" else attention
            maps["proximity"] = near
        terms = [w * maps[name] for name, w in zip(("pae", "ebu"), self.weights, strict=True) if name in maps]
        dense = torch.stack(list(maps.values()), dim=1)
        value = torch.stack(terms).sum(0)
        return PixelScore(value, predicted(logits), dense, classes=logits.shape[1], names=tuple(maps))

    def finish(self, rows: Rows) -> FloatArray:
        """The mean over each region."""
        return rows.arrays["value"]

    def learn(self, seen: Iterable[Seen]) -> dict[str, Any]:
        """The weights that earlier answers speak for; see ``error_weights.fit``. Fixed weights stay as they are."""
        if self.params.weights != "learned":
            attention, doubt = self.weights
            return {"fitted": False, "why": "the weights are fixed", "weights": {"pae": attention, "ebu": doubt}}
        return fit(seen)

    def recall(self, learnt: Mapping[str, Any]) -> None:
        """Take up learnt weights; fixed ones stay as they are.

        Raises:
            SeglensError: no weights in it.
        """
        if self.params.weights != "learned":
            return
        try:
            weights = float(learnt["weights"]["pae"]), float(learnt["weights"]["ebu"])
        except (KeyError, TypeError, ValueError):
            raise SeglensError(f"score 'explainable-error': no weights in what was learnt: {dict(learnt)}") from None
        self.weights = weights


def _spec(params: ExplainableErrorParams) -> CamSpec:
    own = params.pae == "input"
    gate = Gate(params.patches, params.threshold, params.percentile, params.spread, params.mode, params.faded)
    return CamSpec(
        params.layer,
        "present" if own else "all",
        params.channel_weights,
        params.aggregate,
        params.normalise,
        gate if own else None,
    )
