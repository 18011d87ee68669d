"""How good a network is: one confusion matrix over a set, against native truth and truth at the model's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seglens.functional import metrics
from seglens.models.features import FeatureCache
from seglens.models.images import load_image, to_input
from seglens.models.network import SegNet
from seglens.models.views import VIEWS
from seglens.protocols import LabelSource, Progress, SegDataset
from seglens.types import ByteArray, FloatArray, ImageId, IntArray, SeglensError, Size


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
    """

    truth: Literal["native", "model"]
    size: str
    miou: float
    iou: FloatArray
    dice: FloatArray
    confusion: IntArray
    images: int


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
    classes = len(net.classes)
    native, model = np.zeros((classes, classes), np.int64), np.zeros((classes, classes), np.int64)
    sizes = set()
    for start in range(0, len(measured), batch):
        chunk = measured[start : start + batch]
        for id, logits in zip(chunk, _logits(net, data, chunk, size, cache), strict=True):
            truth = labels.label(id)
            sizes.add(truth.shape)
            small = VIEWS["plain"].label(torch.from_numpy(truth), size).numpy()
            native += metrics.confusion_matrix(truth, _argmax(logits, truth.shape), classes)
            model += metrics.confusion_matrix(small, _argmax(logits, size), classes)
        if progress is not None:
            progress(start + len(chunk), len(measured))
    name = _name(next(iter(sizes))) if len(sizes) == 1 else "mixed"
    return [_figures("native", name, native, len(measured)), _figures("model", _name(size), model, len(measured))]


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
    return _argmax(logits[0], (image.shape[0], image.shape[1]))


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


def _argmax(logits: Tensor, size: Size) -> ByteArray:
    """(C, h, w) logits, bilinear to ``size``: the best class of each pixel, (H, W) uint8."""
    if logits.shape[-2:] != size:
        logits = functional.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)[0]
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
