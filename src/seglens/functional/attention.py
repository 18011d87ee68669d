"""Contextual attention: patches without a label look for the labelled patches of their image that resemble them.

Reference: CPRAL (arXiv 2112.05975), Eq. 7 and 8; the layer is that of Yu et al., Generative image inpainting with
contextual attention (CVPR 2018), section 4.1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PATCH = 3
"""Side of a patch, columns of the feature map."""
SMALLEST = 1e-4
"""Norm below which a patch is not scaled up to 1 (as in Yu et al.): noise would else look like something."""
AT_ONCE = 2**21
"""Scores held at a time: 8 MiB of float32."""


def patches(features: Tensor) -> Tensor:
    """The 3 x 3 patch around every column of a feature map, as a unit vector.

    Args:
        features: (D, h, w); zero outside.

    Returns:
        (h * w, 9 * D), row by row of the map. A patch of nothing but zeros stays zero.

    Example:
        >>> patches(torch.ones(1, 1, 1)).tolist()
        [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    columns = F.unfold(features[None], PATCH, padding=PATCH // 2)[0].T
    unit: Tensor = columns / columns.norm(dim=1, keepdim=True).clamp_min(SMALLEST)
    return unit


def whole_patches(mask: Tensor) -> Tensor:
    """Whether the 3 x 3 patch around each column lies inside a mask wholly.

    Args:
        mask: (h, w) bool; columns beyond the border are not asked for.

    Returns:
        (h, w) bool.

    Example:
        >>> whole_patches(torch.tensor([[True, True, True, False]])).tolist()
        [[True, True, False, False]]
    """
    return ~dilated(~mask, PATCH // 2)


def dilated(mask: Tensor, radius: int) -> Tensor:
    """Columns within a Chebyshev distance of a mask.

    Args:
        mask: (h, w) bool.
        radius: columns, 0 = the mask itself.

    Returns:
        (h, w) bool.
    """
    found: Tensor = F.max_pool2d(mask[None].float(), 2 * radius + 1, stride=1, padding=radius)[0] > 0
    return found


def attention(queries: Tensor, keys: Tensor, valid: Tensor | None = None, temperature: float = 10.0) -> Tensor:
    """How much each query attends to each key: softmax(temperature * queries keys^T) over the valid keys.

    Deviation: Yu et al. multiply the scores of masked keys by zero before the softmax and their weights by zero after
    it, so that exp(0) of each is lost and the weights do not sum to 1. Here they are minus infinity before it.

    Args:
        queries: (q, E) unit vectors.
        keys: (k, E) unit vectors.
        valid: (k,) bool, the keys that may be attended to; None = all.
        temperature: what the cosine is multiplied by (Yu et al.: 10).

    Returns:
        (q, k) weights; each query's sum to 1, those of keys that are not valid are 0.

    Raises:
        ValueError: no valid key.

    Reference: CPRAL, Eq. 7.
    """
    if not len(keys) or (valid is not None and not bool(valid.any())):
        raise ValueError("attention: no valid key to attend to")
    scores = temperature * (queries @ keys.T)
    if valid is not None:
        scores = scores.masked_fill(~valid, -torch.inf)
    return scores.softmax(1)


def attended_classes(queries: Tensor, keys: Tensor, classes: Tensor, count: int, temperature: float = 10.0) -> Tensor:
    """The classes of the keys, as each query attends to them; queries go in slices, so memory is bounded.

    Args:
        queries: (q, E) unit vectors.
        keys: (k, E) unit vectors, k at least 1.
        classes: (k,) int64 class of each key.
        count: number of classes C.
        temperature: what the cosine is multiplied by.

    Returns:
        (q, C) of the queries' dtype, each row sums to 1.

    Reference: CPRAL, Eq. 8. Deviation: the value of a key is the class of its middle, not its patch of labels, which
    would have to be folded back and averaged.
    """
    values = F.one_hot(classes, count).to(queries.dtype)
    step = max(1, AT_ONCE // max(1, len(keys)))
    parts = [attention(part, keys, temperature=temperature) @ values for part in torch.split(queries, step)]
    return torch.cat(parts)
