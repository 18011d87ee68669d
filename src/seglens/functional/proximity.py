"""Proximity of pixels, 1 = near, and the gate that makes an image depth-informed by it.

Reference: SegXAL (arXiv 2408.04482), section 3.2.2: a "patchwise depth map" is integrated with the raw image "using a
thresholding mechanism"; the threshold "varies with each image based on the proximity of the nearest objects"; the
result is a "depth-informed or soft attention image". The paper gives no formula. Readings of it here: a patch's depth
is the mean proximity of its pixels; the threshold is a high percentile of the patches minus a multiple of their
spread; a closed patch is black (``hard``) or fades with its proximity (``soft``).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seglens.types import Gate, Size


def from_metres(metres: Tensor, near: float = 5.0) -> Tensor:
    """Proximity of distances: near / max(metres, near), so that it can be compared between images.

    Args:
        metres: (N, h, w) distance; infinity is infinitely far.
        near: whatever is as near as this, metres, has proximity 1.

    Returns:
        (N, h, w) in [0, 1]; twice as far is half as near; infinity gives 0.

    Example:
        >>> from_metres(torch.tensor([[[2.0, 5.0, 20.0, torch.inf]]])).tolist()
        [[[1.0, 1.0, 0.25, 0.0]]]
    """
    return near / metres.clamp(min=near)


def from_inverse(inverse: Tensor, low: float = 1.0, high: float = 99.0) -> Tensor:
    """Proximity of relative inverse depth (large = near): scaled within each image, robust to a few wild pixels.

    Args:
        inverse: (N, h, w) inverse depth up to a scale and a shift, as MiDaS and Depth Anything give it.
        low: percentile of an image's values that becomes 0.
        high: percentile that becomes 1; values beyond either are clipped.

    Returns:
        (N, h, w) in [0, 1]. It ranks the pixels of one image and says nothing between images. An image whose two
        percentiles are equal is 1 everywhere: nothing in it is known to be farther than the rest.
    """
    values = _wide(inverse)
    flat = values.flatten(1)
    bottom, top = (_rank(flat, percent) for percent in (low, high))
    reach = (top - bottom)[:, None, None]
    scaled = ((values - bottom[:, None, None]) / torch.where(reach > 0, reach, 1)).clamp(0, 1)
    return torch.where(reach > 0, scaled, 1).to(inverse.dtype)


def resized(proximity: Tensor, size: Size) -> Tensor:
    """Proximity at another size, bilinear, averaging over what a pixel covers where it shrinks.

    Args:
        proximity: (N, h, w).
        size: (h, w) wanted, pixels.

    Returns:
        (N, *size) in [0, 1].
    """
    if proximity.shape[-2:] == tuple(size):
        return proximity
    found = F.interpolate(proximity[:, None], size, mode="bilinear", align_corners=False, antialias=True)[:, 0]
    return found.clamp(0, 1)  # weights add up to 1 only within rounding


def patchwise(proximity: Tensor, patches: Size) -> Tensor:
    """Patchwise depth: the mean proximity of each patch of a grid.

    Args:
        proximity: (N, h, w).
        patches: rows and columns of the grid. Patch i covers the rows floor(i h / rows) to ceil((i + 1) h / rows):
            neighbours share a line of pixels where the grid does not divide the image.

    Returns:
        (N, rows, columns).
    """
    return F.adaptive_avg_pool2d(proximity, patches)


def spread(patches: Tensor, size: Size) -> Tensor:
    """The value of the patch that each pixel's centre lies in.

    Args:
        patches: (N, rows, columns).
        size: (h, w) wanted, pixels.

    Returns:
        (N, h, w).
    """
    return F.interpolate(patches[:, None], size, mode="nearest-exact")[:, 0]


def threshold(patches: Tensor, gate: Gate) -> Tensor:
    """How near a patch of each image has to be to count as near.

    Args:
        patches: (N, rows, columns) proximity of patches.
        gate: ``nearest``: the gate's percentile of the patches (linear between ranks) minus ``gate.spread`` times
            their standard deviation (over all of them); ``median``; ``otsu``: the least patch of the upper of the two
            classes that differ most, between all splits (no histogram).

    Returns:
        (N,). It may be 0 or negative (``nearest`` with a wide spread): every patch is near then. Equal patches give
        their own value.
    """
    flat = _wide(patches.flatten(1))
    if gate.threshold == "otsu":
        found = _otsu(flat)
    elif gate.threshold == "median":
        found = torch.quantile(flat, 0.5, dim=1)
    else:
        nearest = torch.quantile(flat, gate.percentile / 100, dim=1)
        found = nearest - gate.spread * flat.std(1, correction=0)
    return found.to(patches.dtype)


def openness(proximity: Tensor, gate: Gate) -> Tensor:
    """How much of each pixel the depth-informed image shows.

    Args:
        proximity: (N, h, w) in [0, 1], 1 = near.
        gate: grid, threshold and mode.

    Returns:
        (N, h, w) in [0, 1], constant within a patch: 1 where the patch is at or above the image's threshold; below
        it 0 (``hard``) or proximity / threshold (``soft``). A constant map, and a threshold of 0 or less, leave
        everything open.
    """
    patches = patchwise(proximity, gate.patches)
    least = threshold(patches, gate)[:, None, None]
    # The means of a constant map differ by rounding from patch to patch; that must not close any.
    near = patches >= least - 8 * torch.finfo(patches.dtype).eps * least.abs()
    if gate.mode == "hard":
        share = near.to(proximity.dtype)
    else:
        fading = patches / torch.where(least > 0, least, 1)
        share = torch.where(near, 1, fading.clamp(0, 1)).to(proximity.dtype)
    return spread(share, (proximity.shape[-2], proximity.shape[-1]))


def gated(images: Tensor, openness: Tensor) -> Tensor:
    """The depth-informed image: black where it is closed.

    Args:
        images: (N, 3, h, w) in [0, 1], before normalisation.
        openness: (N, h, w) in [0, 1].

    Returns:
        (N, 3, h, w).
    """
    return images * openness[:, None].to(images.dtype)


def _wide(values: Tensor) -> Tensor:
    """At least float32: quantiles know no half precision, and its sums lose too much."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _rank(flat: Tensor, percent: float) -> Tensor:
    """(N,) the value of (N, P) at the nearest rank: unlike ``quantile`` it takes images of any size."""
    return flat.kthvalue(1 + round(percent / 100 * (flat.shape[1] - 1)), dim=1).values


def _otsu(flat: Tensor) -> Tensor:
    """(N,) the least value of the upper class, for the split of (N, P) with the greatest between-class variance.

    Reference: Otsu, "A threshold selection method from gray-level histograms" (1979), over the values themselves.
    """
    ordered = flat.sort(1).values
    count = ordered.shape[1]
    if count == 1:
        return ordered[:, 0]
    lower = torch.arange(1, count, dtype=ordered.dtype, device=ordered.device)
    sums = ordered.cumsum(1)
    means = sums[:, :-1] / lower, (sums[:, -1:] - sums[:, :-1]) / (count - lower)
    between = lower * (count - lower) * (means[1] - means[0]) ** 2
    # Equal values are never split.
    between = torch.where(ordered[:, 1:] > ordered[:, :-1], between, -1)
    return ordered[:, 1:].gather(1, between.argmax(1, keepdim=True))[:, 0]
