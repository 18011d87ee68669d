"""How good a network is: one confusion matrix over a set, against native truth and truth at the model's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seglens.functional import metrics
from seglens.functional.boundary import boundary_counts, boundary_iou
from seglens.functional.calibration import BINS, calibration_error, calibration_gaps, confidence
from seglens.models.features import FeatureCache
from seglens.models.images import load_image, to_input
from seglens.models.network import SegNet
from seglens.models.views import VIEWS
from seglens.protocols import LabelSource, Progress, SegDataset
from seglens.types import IGNORE, ByteArray, FloatArray, ImageId, IntArray, SeglensError, Size


@dataclass(frozen=True)
class Metrics:
    """Figures against one truth.

    Args:
        truth: ``native`` (the masks' own pixels) or ``model`` (masks brought to the model's size, nearest).
        size: of the truth, ``360x480``; ``mixed`` where the masks differ.
        miou: mean IoU over classes with a union.
        iou: (C,), NaN for an empty union.
        dice: (C,), NaN likewise.
        confusion: (C, C) int64, rows = truth.
        images: how many were measured.
        boundary: (C,) boundary IoU, NaN for a class without a contour; None = not measured (only native truth is).
        ece: expected calibration error over pixels; None likewise.
        overconfidence: mean confidence less accuracy; None likewise.
        by_image: (N, C, C) int64, the confusion matrix of each image, in order; None likewise.
    """

    truth: Literal["native", "model"]
    size: str
    miou: float
    iou: FloatArray
    dice: FloatArray
    confusion: IntArray
    images: int
    boundary: FloatArray | None = None
    ece: float | None = None
    overconfidence: float | None = None
    by_image: IntArray | None = None

    @property
    def rare_miou(self) -> float:
        """Mean IoU of the five classes that the truth has fewest pixels of."""
        return metrics.rare_miou(self.confusion)

    @property
    def truth_share(self) -> FloatArray:
        """(C,) share of the truth's pixels that each class has."""
        pixels: IntArray = self.confusion.sum(1)
        return pixels / max(int(pixels.sum()), 1)


@dataclass
class _Counts:
    """What adds up over the images: two confusion matrices, and what only native truth is compared by."""

    native: IntArray
    model: IntArray
    boundary: IntArray
    gaps: FloatArray
    by_image: list[IntArray]

    @classmethod
    def none(cls, classes: int) -> _Counts:
        """Nothing yet."""
        empty = np.zeros((classes, classes), np.int64)
        return cls(empty, empty.copy(), np.zeros((3, classes), np.int64), np.zeros(BINS), [])

    def add(self, logits: Tensor, truth: ByteArray, size: Size) -> None:
        """Count an image of ``truth`` (H, W) and ``logits`` (C, h, w)."""
        classes = len(self.native)
        small = VIEWS["plain"].label(torch.from_numpy(truth), size).numpy()
        wide = _resized(logits, (truth.shape[0], truth.shape[1]))
        found = _argmax(wide)
        counts = metrics.confusion_matrix(truth, found, classes)
        self.native += counts
        self.by_image.append(counts)
        same = truth.shape == tuple(size)
        self.model += counts if same else metrics.confusion_matrix(small, _argmax(_resized(logits, size)), classes)
        self.boundary += boundary_counts(truth, found, classes)
        known = truth != IGNORE
        self.gaps += calibration_gaps(confidence(wide)[known], (found == truth)[known])


def evaluate(
    net: SegNet,
    data: SegDataset,
    labels: LabelSource,
    ids: Sequence[ImageId],
    *,
    size: Size,
    cache: FeatureCache | None = None,
    batch: int = 8,
    progress: Progress | None = None,
) -> list[Metrics]:
    """Measure a network in one pass.

    Args:
        net: what to measure; it is put in eval and back.
        data: the images.
        labels: their truth; images without a mask are left out.
        ids: which images.
        size: (h, w) of the model's input.
        cache: features of the images (the same encoder's); None = run the encoder.
        batch: images a forward pass.
        progress: called with images done, images to do.

    Returns:
        Native truth first, then truth at the model's size.

    Raises:
        SeglensError: none of the images has a mask.
    """
    measured = [id for id in ids if labels.has(id)]
    if not measured:
        raise SeglensError(f"evaluation: none of the {len(ids)} images has a mask")
    if cache is not None:
        cache.fill(measured)
    counts = _Counts.none(len(net.classes))
    sizes = set()
    for start in range(0, len(measured), batch):
        chunk = measured[start : start + batch]
        for id, logits in zip(chunk, _logits(net, data, chunk, size, cache), strict=True):
            truth = labels.label(id)
            sizes.add(truth.shape)
            counts.add(logits, truth, size)
        if progress is not None:
            progress(start + len(chunk), len(measured))
    name = _name(next(iter(sizes))) if len(sizes) == 1 else "mixed"
    pixels = int(counts.native.sum())
    native = replace(
        _figures("native", name, counts.native, len(measured)),
        boundary=boundary_iou(counts.boundary),
        ece=calibration_error(counts.gaps, pixels),
        overconfidence=-float(counts.gaps.sum()) / pixels if pixels else float("nan"),
        by_image=np.stack(counts.by_image),
    )
    return [native, _figures("model", _name(size), counts.model, len(measured))]


def predict(net: SegNet, image: ByteArray, size: Size | None = None) -> ByteArray:
    """The class of every pixel of an image.

    Args:
        net: the network.
        image: (H, W, 3) uint8 RGB.
        size: (h, w) of the model's input; None = the one it was trained at.

    Returns:
        (H, W) uint8.
    """
    size = size or net.config.size
    logits = _forward(net, to_input(image, size)[None])
    return _argmax(_resized(logits[0], (image.shape[0], image.shape[1])))


def _logits(net: SegNet, data: SegDataset, ids: Sequence[ImageId], size: Size, cache: FeatureCache | None) -> Tensor:
    if cache is None:
        return _forward(net, torch.stack([load_image(data, id, size) for id in ids]))
    features = {tap: value.to(net.mean.device) for tap, value in cache.get(ids).items()}
    mode = net.training
    net.eval()
    try:
        with torch.no_grad():
            return net.decode(features, size)
    finally:
        net.train(mode)


def _forward(net: SegNet, images: Tensor) -> Tensor:
    mode = net.training
    net.eval()
    try:
        with torch.no_grad():
            logits: Tensor = net(images.to(net.mean.device))
            return logits
    finally:
        net.train(mode)


def _resized(logits: Tensor, size: Size) -> Tensor:
    """(C, h, w) logits, bilinear to ``size``."""
    if logits.shape[-2:] == size:
        return logits
    return functional.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)[0]


def _argmax(logits: Tensor) -> ByteArray:
    """(C, H, W) logits: the best class of each pixel, (H, W) uint8."""
    if logits.device.type == "cpu":  # NumPy takes a fifth of torch's time for a leading axis
        best: ByteArray = logits.float().numpy().argmax(0).astype(np.uint8)
    else:
        best = logits.argmax(0).to(torch.uint8).cpu().numpy()
    return best


def _figures(truth: Literal["native", "model"], size: str, confusion: IntArray, images: int) -> Metrics:
    return Metrics(
        truth, size, metrics.miou(confusion), metrics.iou(confusion), metrics.dice(confusion), confusion, images
    )


def _name(size: tuple[int, ...]) -> str:
    return f"{size[0]}x{size[1]}"
