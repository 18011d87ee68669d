"""How good labels can get when a person names one class a superpixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seglens.protocols import LabelSource, Progress, SegDataset
from seglens.superpixels.slic import Superpixels
from seglens.types import IGNORE, ByteArray, ImageId, IntArray


def quality(
    superpixels: Superpixels,
    data: SegDataset,
    labels: LabelSource,
    ids: Sequence[ImageId],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What perfect dominant-class answers would give.

    Args:
        superpixels: the set.
        data: where the class names come from.
        labels: the truth; images without a mask are left out.
        ids: the images to measure on.
        progress: called with (done, total) images.

    Returns:
        Plain values: ``asked`` and ``mean_count`` superpixels an image; ``images`` measured; ``achievable_accuracy``,
        the share of pixels that are not void and right; ``miou_ceiling``, of one confusion matrix over all images, void
        left out; ``iou_ceiling`` by class name, None where the class does not occur.
    """
    classes = len(data.classes)
    confusion = np.zeros((classes, classes), np.int64)
    measured = 0
    for done, id in enumerate(ids, start=1):
        if labels.has(id):
            confusion += image_confusion(superpixels.labels(id), labels.label(id), classes)
            measured += 1
        if progress is not None:
            progress(done, len(ids))
    hit = np.diag(confusion)
    union = confusion.sum(0) + confusion.sum(1) - hit
    ious = [float(h / u) if u else None for h, u in zip(hit, union, strict=True)]
    present = [iou for iou in ious if iou is not None]
    return {
        "asked": superpixels.segments,
        "mean_count": superpixels.mean_count,
        "images": measured,
        "achievable_accuracy": float(hit.sum() / max(confusion.sum(), 1)),
        "miou_ceiling": float(np.mean(present)) if present else 0.0,
        "iou_ceiling": dict(zip(data.classes.names, ious, strict=True)),
    }


def image_confusion(regions: IntArray, truth: ByteArray, classes: int) -> IntArray:
    """Truth against the dominant class of each region.

    Args:
        regions: (H, W) region numbers from 0.
        truth: (H, W) class, IGNORE = void.
        classes: number of classes C.

    Returns:
        (C, C) pixels by true (row) and dominant class (column); void is left out.
    """
    seen = truth != IGNORE
    cell = regions[seen].astype(np.intp) * classes + truth[seen]
    table = np.bincount(cell, minlength=(int(regions.max()) + 1) * classes).reshape(-1, classes)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion.T, table.argmax(1), table)
    return confusion
