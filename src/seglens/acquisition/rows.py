"""From pixels to rows: what is kept of an image once its score map is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seglens.acquisition.traits import MapsOf
from seglens.functional.aggregates import aggregated
from seglens.types import Aggregate, BoolArray, FloatArray, IntArray, PixelScore, RegionSet, Rows, SeglensError, Size

HALF = frozenset({"features"})
"""Traits kept as float16, so that the rows of a whole pool stay small."""


def reduce_rows(
    px: PixelScore,
    regions: Sequence[RegionSet],
    asked: Sequence[BoolArray | None],
    size: Size,
    traits: Mapping[str, MapsOf] | None = None,
) -> Rows:
    """One row a region, with its mean score.

    Score maps lie at the model's size, regions in the image's own pixels: where the two differ, each score pixel counts
    for the region under its centre, and a region under no centre takes the score at the pixel nearest its middle.

    Args:
        px: scores of N images, (N, h, w).
        regions: their N region sets.
        asked: for each image (H, W) bool of what was asked about already, or None = nothing.
        size: the model's size (h, w).
        traits: further maps by name, of which rows keep the means under that name (``Traits.of``).

    Returns:
        Rows with ``value`` (R,) float32 mean score; with ``px.group`` also ``by_class`` (R, C) float32, the score
        summed over pixels predicted as each class over the region's pixels, and ``share`` (R, C) float32, the share
        of the region's pixels predicted as each class; with ``px.by_class``, ``by_class`` (R, C) is its aggregate over
        each region; with ``px.dense`` also ``dense`` (R, K) float32, the mean of each map; the ``traits`` (R, D)
        float32, features float16. Where a region set brings its own ``values``, they stand as ``value``.

    Raises:
        SeglensError: a score that is not finite, named by its image.
    """
    every = traits or {}
    parts = [_image_rows(px, index, regions[index], asked[index], size, every) for index in range(len(regions))]
    rows = Rows.concat(parts) if parts else Rows.concat([])
    rows.sums = dict(px.sums)
    return rows


def _image_rows(
    px: PixelScore,
    index: int,
    region: RegionSet,
    asked: BoolArray | None,
    size: Size,
    traits: Mapping[str, MapsOf],
) -> Rows:
    count = region.count
    sizes = _count(region.labels, count)
    done = _count(region.labels, count, asked) if asked is not None and asked.any() else np.zeros(count, np.int64)
    labels = _at(region.labels, size).ravel()
    value = px.value[index].cpu().numpy().ravel()
    _check_finite(value, region)
    seen = sizes if region.labels.shape == size else _count(labels, count)
    lost = np.flatnonzero(seen == 0)
    centres = _centres(region, lost, size) if len(lost) else None
    arrays: dict[str, FloatArray] = {}
    if px.group is not None:
        group = px.group[index].cpu().numpy().ravel()
        arrays["by_class"], arrays["share"] = _by_class(labels, group, value, seen, px.classes, lost, centres)
        mean = arrays["by_class"].sum(1)
    else:
        mean = _mean(labels, value, seen, lost, centres)
    if px.by_class is not None:
        each = px.by_class[index].cpu().numpy().reshape(px.by_class.shape[1], -1)
        mean = _mean(labels, value, seen, lost, centres)  # exact, where a sum over predicted classes is rounded
        arrays["by_class"] = _aggregated(labels, each, seen, px.aggregate, lost, centres)
    arrays["value"] = np.asarray(mean if region.values is None else region.values, np.float32)
    kept = {name: maps_of(index) for name, maps_of in traits.items()}
    if px.dense is not None:
        kept["dense"] = px.dense[index]
    for name, maps in kept.items():
        columns = [_mean(labels, column, seen, lost, centres) for column in maps.cpu().numpy().reshape(len(maps), -1)]
        arrays[name] = np.stack(columns, axis=1).astype(np.float16 if name in HALF else np.float32)
    names = np.full(count, region.image, object)
    numbers = np.arange(count, dtype=np.int32)
    return Rows(names, numbers, sizes, sizes - done, arrays, {}, {region.image: region.key})


def _check_finite(value: FloatArray, region: RegionSet) -> None:
    # The sum is finite only if every score is; scores lie near [0, 1], so it never overflows.
    if not np.isfinite(value.sum(dtype=np.float64)):
        raise SeglensError(f"image '{region.image}': {int((~np.isfinite(value)).sum())} scores are not finite")


def _at(labels: IntArray, size: Size) -> IntArray:
    """Region numbers under the centres of the score's pixels."""
    if labels.shape == size:
        return labels
    rows = (2 * np.arange(size[0]) + 1) * labels.shape[0] // (2 * size[0])
    columns = (2 * np.arange(size[1]) + 1) * labels.shape[1] // (2 * size[1])
    sampled: IntArray = labels[rows[:, None], columns]
    return sampled


def _count(labels: IntArray, count: int, where: BoolArray | None = None) -> IntArray:
    """(count,) pixels of each region; -1 is no region."""
    flat = labels[where] if where is not None else labels.ravel()
    return np.bincount(flat.astype(np.intp) + 1, minlength=count + 1)[1:].astype(np.int64)


def _centres(region: RegionSet, lost: IntArray, size: Size) -> IntArray:
    """Score pixel nearest the middle of each region in ``lost``."""
    height, width = region.labels.shape
    flat = np.flatnonzero(np.isin(region.labels, lost))
    owner = np.searchsorted(lost, region.labels.ravel()[flat])
    n = np.maximum(np.bincount(owner, minlength=len(lost)), 1)
    y = np.bincount(owner, flat // width + 0.5, minlength=len(lost)) / n
    x = np.bincount(owner, flat % width + 0.5, minlength=len(lost)) / n
    row = np.minimum((y * size[0] / height).astype(np.int64), size[0] - 1)
    column = np.minimum((x * size[1] / width).astype(np.int64), size[1] - 1)
    nearest: IntArray = row * size[1] + column
    return nearest


def _mean(labels: IntArray, value: FloatArray, seen: IntArray, lost: IntArray, centres: IntArray | None) -> FloatArray:
    """(count,) mean value over each region."""
    total = np.bincount(labels.astype(np.intp) + 1, value, minlength=len(seen) + 1)[1:]
    mean = total / np.maximum(seen, 1)
    if centres is not None:
        mean[lost] = value[centres]
    return mean


def _by_class(
    labels: IntArray,
    group: IntArray,
    value: FloatArray,
    seen: IntArray,
    classes: int,
    lost: IntArray,
    centres: IntArray | None,
) -> tuple[FloatArray, FloatArray]:
    """(count, C) score summed by predicted class over the region's pixels, and the share of the pixels, float32."""
    count = len(seen)
    cell = (labels.astype(np.intp) + 1) * classes + group
    cells = (count + 1) * classes
    total = np.bincount(cell, value, minlength=cells).reshape(count + 1, classes)[1:]
    pixels = np.bincount(cell, minlength=cells).reshape(count + 1, classes)[1:]
    n = np.maximum(seen, 1)[:, None]
    mean, share = (total / n).astype(np.float32), (pixels / n).astype(np.float32)
    if centres is not None:
        mean[lost, group[centres]] = value[centres]
        share[lost, group[centres]] = 1.0
    return mean, share


def _aggregated(
    labels: IntArray, maps: FloatArray, seen: IntArray, how: Aggregate, lost: IntArray, centres: IntArray | None
) -> FloatArray:
    """(count, C) float32 the aggregate of each of (C, pixels) maps over each region."""
    columns = [aggregated(labels, column, len(seen), how) for column in maps]
    found = np.stack(columns, axis=1).astype(np.float32)
    if centres is not None:
        found[lost] = maps[:, centres].T
    return found
