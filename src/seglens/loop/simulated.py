"""What only a simulation can tell of a round's labels. Nothing here is shown to any part of the loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from seglens.protocols import LabelSource
from seglens.store import LabelFiles, Metric
from seglens.types import IGNORE, ByteArray, ImageId, IntArray, Provenance

ANSWERED = (Provenance.PERSON, Provenance.SIMULATED, Provenance.MACHINE)


def simulated_metrics(round: int, files: LabelFiles, truth: LabelSource, pool_counts: IntArray) -> list[Metric]:
    """Figures of the labels on disk against the truth.

    ``extended_precision``: right extended pixels over extended pixels whose truth is not void; None if all are.
    ``extended_coverage``: extended pixels over answered labelled ones. Both only where a settle extended anything.
    ``divergence``: of the classes of answered labelled pixels from those of the whole pool, nats (``divergence``).

    Args:
        round: whose figures they are.
        files: the run's labels.
        truth: of the pool.
        pool_counts: (C,) pixels of each class in the pool.
    """
    classes = len(pool_counts)
    counts = np.zeros(classes, np.int64)
    extended = right = known = 0
    for id in files.ids():
        settled = files.read(id)
        counts += class_counts([settled.label[np.isin(settled.provenance, ANSWERED)]], classes)
        new = settled.provenance == Provenance.EXTENDED
        if new.any():
            found, true = settled.label[new], truth.label(id)[new]
            extended += len(found)
            known += int((true != IGNORE).sum())
            right += int((true == found).sum())
    metrics: list[tuple[str, float | None]] = []
    if extended:
        metrics += [("extended_precision", right / known if known else None)]
        metrics += [("extended_coverage", extended / int(counts.sum()))]
    if counts.any():
        metrics += [("divergence", divergence(counts, pool_counts))]
    return [Metric(round, name, "", -1, value) for name, value in metrics]


def class_counts(labels: Iterable[ByteArray], classes: int) -> IntArray:
    """(C,) int64 pixels of each class in label maps of any shape; IGNORE is left out."""
    counts = np.zeros(IGNORE + 1, np.int64)
    for label in labels:
        counts += np.bincount(label.ravel(), minlength=IGNORE + 1)
    return counts[:classes]


def pool_counts(truth: LabelSource, ids: Sequence[ImageId], classes: int) -> IntArray:
    """(C,) int64 pixels of each class in the truth of images."""
    return class_counts((truth.label(id) for id in ids), classes)


def divergence(labelled: IntArray, pool: IntArray) -> float:
    """How far the classes of the labels are from those of the pool: KL(labelled || pool), nats; 0 = alike.

    One pixel is added to each class on both sides, so that a class that is missing on either leaves it finite.

    Args:
        labelled: (C,) labelled pixels of each class.
        pool: (C,) the pool's pixels of each class.

    Example:
        >>> round(divergence(np.array([10, 10]), np.array([200, 200])), 6)
        0.0

    Reference: CPRAL (arXiv 2112.05975), Eq. 1, which asserts that it falls and does not show it.
    """
    p = (labelled + 1) / (labelled + 1).sum()
    q = (pool + 1) / (pool + 1).sum()
    return float((p * np.log(p / q)).sum())
