"""What a round asked about, told after it was answered. Nothing here is shown to any part of the loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seglens.acquisition.settle.paint import paint
from seglens.functional.boundary import band_width, contour_band
from seglens.functional.run_lengths import decode
from seglens.loop.simulated import class_counts
from seglens.protocols import LabelSource
from seglens.store import Metric
from seglens.types import IGNORE, AnsweredImage, BoolArray, ByteArray, FloatArray, IntArray, Size

NEAR = 0.005
"""Width of the band of boundary pixels by the image's diagonal: 3 pixels at 360 x 480."""


def query_metrics(round: int, images: Sequence[AnsweredImage], truth: LabelSource | None, classes: int) -> list[Metric]:
    """Figures of a round's questions.

    ``asked_share`` by class: of the asked pixels, as the model predicted them when it asked; none while there was no
    model. ``answered_share`` by class: of the pixels that answers name a class of; class sets name none.

    In simulation, against the truth without void: ``asked_boundary``, the share of the asked pixels that lie near a
    contour of the truth (void has one like any class, the image's frame none), and ``label_noise``, the share of the
    pixels named by the answers whose truth is another class.

    Args:
        round: whose questions they are.
        images: the images asked about, each with the round's answers alone.
        truth: of the pool; None where nothing is simulated.
        classes: number of classes C.
    """
    predicted, answered = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    near = known = wrong = named = 0
    for image in images:
        asked = _asked(image)
        label = paint(image).label
        answered += class_counts([label], classes)
        if round in image.at_ask:
            predicted += class_counts([_native(image.at_ask[round], image.size)[asked]], classes)
        if truth is not None:
            true = truth.label(image.image)
            inside = asked & (true != IGNORE)
            known += int(inside.sum())
            near += int((inside & contour_band(true, band_width(image.size, NEAR), frame=False)).sum())
            both = (label != IGNORE) & (true != IGNORE)
            named += int(both.sum())
            wrong += int((label[both] != true[both]).sum())
    metrics = [*_shares(round, "asked_share", predicted), *_shares(round, "answered_share", answered)]
    if known:
        metrics.append(Metric(round, "asked_boundary", "", -1, near / known))
    if named:
        metrics.append(Metric(round, "label_noise", "", -1, wrong / named))
    return metrics


def spread_metrics(round: int, asked: Sequence[int]) -> list[Metric]:
    """How a round's questions lie over the pool; none where nothing was asked.

    ``round_images``: images asked about; ``image_most``: most questions about one; ``image_gini``: Gini coefficient of
    the questions an image, over all images of the pool: 0 = all alike, near 1 = all in one.

    Args:
        round: whose questions they are.
        asked: questions about each image of the pool.
    """
    counts = np.asarray(asked, np.int64)
    if not counts.any():
        return []
    found = {"round_images": float((counts > 0).sum()), "image_most": float(counts.max()), "image_gini": gini(counts)}
    return [Metric(round, name, "", -1, value) for name, value in found.items()]


def gini(counts: IntArray) -> float:
    """Gini coefficient: half the mean difference of two, over the mean.

    Args:
        counts: (N,) not negative, not all zero.

    Example:
        >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0, 0, 8]))
        (0.0, 0.75)
    """
    ordered = np.sort(counts)
    rank = np.arange(1, len(ordered) + 1)
    return float(((2 * rank - len(ordered) - 1) * ordered).sum() / (len(ordered) * ordered.sum()))


def _asked(image: AnsweredImage) -> BoolArray:
    mask = np.zeros(image.size, bool)
    for pair in image.answers:
        mask |= decode(pair.query.region.runs, image.size)
    return mask


def _native(prediction: ByteArray, size: Size) -> ByteArray:
    """(h, w) classes, nearest at (H, W)."""
    y, x = (np.arange(n) * m // n for n, m in zip(size, prediction.shape, strict=True))
    found: ByteArray = prediction[y[:, None], x]
    return found


def _shares(round: int, name: str, counts: IntArray) -> list[Metric]:
    total = int(counts.sum())
    shares: FloatArray = counts / max(total, 1)
    return [Metric(round, name, "", c, float(share)) for c, share in enumerate(shares) if total]
