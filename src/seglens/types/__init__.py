"""The words of the project: plain values that every room shares.

Axes: image (N, 3, H, W) float32 in [0, 1]; logits and probs (N, C, H, W); label (N, H, W), ``IGNORE`` = 255; score map
(N, H, W) float32, higher = ask sooner; coordinates (y, x); sizes (h, w); boxes half-open.
"""

from seglens.types.maps import Aggregate, CamSpec, Gate, ModelSet, PixelScore, Seen, Targets
from seglens.types.questions import Answer, Answered, AnsweredImage, Cost, Query, Region, RegionSet, Settled
from seglens.types.rows import Allowance, Chunk, ImageRows, RoundState, Rows, TooFewRows, Whole
from seglens.types.words import (
    IGNORE,
    AnswerKind,
    AnswerStatus,
    BoolArray,
    ByteArray,
    Chance,
    ClassTable,
    FloatArray,
    ImageId,
    IntArray,
    Item,
    Provenance,
    Purpose,
    SeglensError,
    Size,
    Stage,
    Unit,
)

__all__ = [
    "Aggregate",
    "Allowance",
    "Answer",
    "AnswerKind",
    "AnswerStatus",
    "Answered",
    "AnsweredImage",
    "BoolArray",
    "ByteArray",
    "CamSpec",
    "Chance",
    "Chunk",
    "ClassTable",
    "Cost",
    "FloatArray",
    "Gate",
    "IGNORE",
    "ImageId",
    "ImageRows",
    "IntArray",
    "Item",
    "ModelSet",
    "PixelScore",
    "Provenance",
    "Purpose",
    "Query",
    "Region",
    "RegionSet",
    "RoundState",
    "Rows",
    "Seen",
    "SeglensError",
    "Settled",
    "Size",
    "Stage",
    "Targets",
    "TooFewRows",
    "Unit",
    "Whole",
]
